//! safetensors files, configs and adapters.

use serde_json::json;
use smolder_formats::adapter::{
    AdapterConfig, Heads, LoraAdapter, Module, PeftAdapter, read_gguf, write_gguf,
};
use smolder_formats::gguf::{GgufFile, GgufWriter, Value};
use smolder_formats::model::ModelConfig;
use smolder_formats::safetensors::{Entry, HfModel, Safetensors, write};
use smolder_formats::{Dtype, Kind, Result, TensorSource};

use super::{cases, refused};
use crate::adapters::{hf_file, lora, weights};
use crate::memory;

fn open(bytes: Vec<u8>) -> Result<Vec<smolder_formats::TensorInfo>> {
    Safetensors::open(memory("w.safetensors", bytes)).map(|file| file.tensors().to_vec())
}

fn raw(header: &str, payload: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; payload]].concat()
}

fn one(dtype: &str, shape: &str, offsets: &str) -> Vec<u8> {
    raw(&format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#), 16)
}

cases! { open;
    no_bytes: Vec::new() => Truncated, "w.safetensors", "header length";
    seven_bytes: vec![0; 7] => Truncated, "header length";
    header_length_2_63: (1_u64 << 63).to_le_bytes().to_vec() => Limit, "at most 16777216 bytes of header";
    header_over_the_cap: ((16_u64 << 20) + 1).to_le_bytes().to_vec() => Limit, "16777217";
    header_past_the_end: 100_u64.to_le_bytes().to_vec() => Truncated, "header";
    header_of_no_bytes: raw("", 0) => Syntax, "a JSON object that starts at once";
    header_with_mark: raw("\u{feff}{}", 0) => Syntax, "starts at once";
    header_is_a_list: raw("[]", 0) => Syntax, "a JSON object";
    header_cut_short: raw("{\"w\":", 0) => Syntax, "a safetensors header";
    pickle_renamed: b"\x80\x02}q\x00(X\x06\x00\x00\x00weight".to_vec() => Magic, "a Python pickle";
    zip_pickle_renamed: b"PK\x03\x04\x00\x00\x08\x08\x00\x00".to_vec() => Magic, "PyTorch pickle";
    gguf_renamed: b"GGUF\x03\x00\x00\x00\x00\x00".to_vec() => Magic, "a GGUF file";
    web_page_renamed: b"<html>\n<head>".to_vec() => Magic, "an HTML page";
    doctype_renamed: b"<!doctype html><html>".to_vec() => Magic, "an HTML page";
    git_lfs_pointer: b"version https://git-lfs.github.com/spec/v1\n".to_vec() => Magic, "a Git LFS pointer";
    duplicate_name: raw(r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8) => Duplicate, "duplicate key `w`";
    duplicate_metadata_key: raw(r#"{"__metadata__":{"a":"1","a":"2"}}"#, 0) => Duplicate, "duplicate key `a`";
    metadata_of_numbers: raw(r#"{"__metadata__":{"a":1}}"#, 0) => Syntax, "a string";
    dtype_f64: one("F64", "[2]", "[0,16]") => Unsupported, "tensor `w`", "F64";
    dtype_bool: one("BOOL", "[16]", "[0,16]") => Unsupported, "tensor `w`", "BOOL";
    unknown_field: raw(r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}"#, 4) => Syntax, "unknown field";
    tensor_as_a_list: raw(r#"{"w":["F32",[1],[0,4]]}"#, 4) => Syntax, "header: expected a safetensors header, found a value that does not belong there, at column 5 (tensor `w`: invalid type: sequence, expected an object)";
    missing_field: raw(r#"{"w":{"dtype":"F32","shape":[1]}}"#, 4) => Syntax, "missing field";
    negative_dimension: one("F32", "[-4]", "[0,16]") => Syntax, "w";
    nine_dimensions: one("F32", "[1,1,1,1,1,1,1,1,4]", "[0,16]") => Syntax, "more than 8 dimensions";
    product_overflow: one("F32", "[4294967296,4294967296]", "[0,16]") => Shape, "tensor `w`", "63 bits";
    zero_size_share: one("F32", "[0]", "[0,16]") => Shape, "tensor `w`", "0 bytes";
    range_too_short: one("F32", "[4]", "[0,12]") => Shape, "tensor `w`", "16 bytes", "0..12";
    range_backwards: one("F32", "[4]", "[16,0]") => Shape, "tensor `w`", "16..0";
    range_past_the_end: one("F32", "[8]", "[0,32]") => Offset, "tensor `w`", "inside the file";
    range_near_2_64: one("F32", "[4]", "[18446744073709551600,18446744073709551616]") => Syntax, "w";
    range_of_the_last_bytes: one("F32", "[3]", "[18446744073709551600,18446744073709551612]") => Offset, "tensor `w`";
    hole_at_the_start: one("F32", "[3]", "[4,16]") => Offset, "starts at 0", "found 4";
    bytes_behind: one("F32", "[3]", "[0,12]") => Offset, "payload", "file's end";
    overlapping_ranges: raw(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, 12) => Offset, "tensor `b`", "starts at 8";
}

fn directory((name, content): (&str, Option<&str>)) -> Result<HfModel<std::io::Cursor<Vec<u8>>>> {
    HfModel::open(
        |file| if file == name { Ok(content.map(|text| memory(file, text))) } else { hf_file(file) },
    )
}

const INDEX: &str = "model.safetensors.index.json";

cases! { directory;
    no_config: ("config.json", None) => Missing, "config.json", "this file";
    config_is_no_json: ("config.json", Some("{")) => Syntax, "config.json", "valid JSON";
    config_rope_is_no_object: ("config.json", Some("{\"model_type\":\"llama\",\"num_attention_heads\":2,\"hidden_size\":8,\"rope_parameters\":5}")) => Type, "config.json: `rope_parameters`: expected an object, found a number";
    config_type_is_no_text: ("config.json", Some("{\"model_type\":3}")) => Type, "config.json: `model_type`: expected a string, found a number";
    config_without_type: ("config.json", Some("{\"model_type\":null}")) => Missing, "config.json", "`model_type`";
    config_without_sizes: ("config.json", Some("{\"model_type\":\"llama\"}")) => Missing, "config.json", "`num_attention_heads`";
    config_of_another_architecture: ("config.json", Some("{\"model_type\":\"gpt2\",\"n_embd\":768}")) => Unsupported, "config.json: architecture: expected one of llama, ", "found gpt2";
    missing_shard: ("model-00002-of-00002.safetensors", None) => Missing, "model-00002-of-00002.safetensors";
    no_weights: (INDEX, None) => Missing, "model.safetensors";
    index_is_no_json: (INDEX, Some("x")) => Syntax, "an index of shards";
    index_with_a_path: (INDEX, Some(r#"{"weight_map":{"w":"../../etc/passwd"}}"#)) => Value, "../../etc/passwd";
    index_lists_another_tensor: (INDEX, Some(r#"{"weight_map":{"w":"model-00002-of-00002.safetensors"}}"#)) => Mismatch, "tensor `model.norm.weight`", "index lists";
    index_twice_the_same_name: (INDEX, Some(r#"{"weight_map":{"w":"a.safetensors","w":"b.safetensors"}}"#)) => Duplicate, "duplicate key `w` at column";
    index_is_a_list: (INDEX, Some("[1]")) => Type, "model.safetensors.index.json: expected a JSON object, found an array";
    index_is_a_number: (INDEX, Some(" 7\n")) => Type, "expected a JSON object, found a number";
    index_is_a_text: (INDEX, Some("\"weights\"")) => Type, "expected a JSON object, found a string";
    index_with_mark: (INDEX, Some("\u{feff}{}")) => Encoding, "byte-order mark";
    index_in_a_list: (INDEX, Some(r#"[{"w":"model-00002-of-00002.safetensors"}]"#)) => Type, "expected a JSON object, found an array";
    index_of_a_file_with_control_characters: (INDEX, Some(r#"{"weight_map":{"w":"\u001b[31m.safetensors"}}"#)) => Missing, "\\u{1b}[31m.safetensors: expected this file";
    index_without_map: (INDEX, Some("{}")) => Syntax, "an object that lacks a field, at column 2 (missing field `weight_map`)";
    index_of_numbers: (INDEX, Some("{\n \"weight_map\": {\"w\": 7}}")) => Syntax, "found a value that does not belong there, at line 2, column 22 (invalid type: integer `7`, expected a string)";
    config_is_a_list: ("config.json", Some("[]")) => Type, "config.json: expected a JSON object, found an array";
    config_is_a_number: ("config.json", Some("7")) => Type, "config.json: expected a JSON object, found a number";
    config_is_a_text: ("config.json", Some("\"llama\"")) => Type, "config.json: expected a JSON object, found a string";
    config_cut_short: ("config.json", Some("{\n  \"a\": 1,\n")) => Syntax, "found a text that ends too early, at line 3, column 0 (EOF while parsing";
    tokenizer_config_is_a_list: ("tokenizer_config.json", Some("[]")) => Type, "tokenizer_config.json: expected a JSON object, found an array";
}

fn sizes((from, to): (&str, &str)) -> Result<ModelConfig> {
    let json = std::fs::read_to_string(crate::fixture("hf/config.json")).unwrap();
    assert!(json.contains(from), "{from}");
    ModelConfig::from_json(json.replace(from, to).as_bytes())
}

cases! { sizes;
    no_heads: ("\"num_attention_heads\": 2", "\"num_attention_heads\": 0") => Value, "heads", "found 0";
    heads_not_divisible: ("\"num_key_value_heads\": 1", "\"num_key_value_heads\": 3") => Value, "key-value heads", "divisor of 2";
    heads_that_do_not_divide_the_width: ("\"num_attention_heads\": 2", "\"num_attention_heads\": 3") => Value, "divisor of the width 8";
    rope_base_0: ("10000.0", "0.0") => Value, "rope base", "above 0";
    rope_base_negative: ("10000.0", "-1.0") => Value, "rope base";
    rope_base_is_a_text: ("10000.0", "\"NaN\"") => Type, "`rope_theta`", "a number";
    a_billion_layers: ("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 1000000000") => Value, "layers", "1 to 1024";
    width_0: ("\"hidden_size\": 8", "\"hidden_size\": 0") => Value, "width";
    width_is_a_float: ("\"hidden_size\": 8", "\"hidden_size\": 8.5") => Type, "`hidden_size`";
    epsilon_0: ("1e-05", "0") => Value, "norm epsilon";
}

fn config(json: &str) -> Result<AdapterConfig> {
    AdapterConfig::from_json(json.as_bytes())
}

cases! { config;
    no_method: "{}" => Missing, "`peft_type`";
    method_is_a_number: r#"{"peft_type":1}"# => Type, "`peft_type`";
    config_with_mark: "\u{feff}{}" => Encoding, "byte-order mark";
    config_key_twice: r#"{"peft_type":"LORA","peft_type":"IA3"}"# => Duplicate, "duplicate key `peft_type`";
    rank_0: r#"{"peft_type":"LORA","r":0,"lora_alpha":1}"# => Value, "`r`", "a rank from 1", "found 0";
    rank_negative: r#"{"peft_type":"LORA","r":-1,"lora_alpha":1}"# => Value, "`r`", "found -1";
    rank_of_a_million: r#"{"peft_type":"LORA","r":1000000,"lora_alpha":1}"# => Value, "`r`", "1000000";
    no_rank: r#"{"peft_type":"LORA","r":null,"lora_alpha":1}"# => Value, "`r`", "null";
    rsl_as_text: r#"{"peft_type":"LORA","use_rslora":"false"}"# => Type, "`use_rslora`", "true or false", "false";
    dora_as_a_number: r#"{"peft_type":"LORA","use_dora":1}"# => Type, "`use_dora`", "found 1";
    tying_as_text: r#"{"peft_type":"LORA","ensure_weight_tying":"yes"}"# => Type, "`ensure_weight_tying`", "yes";
    rows_as_columns_as_text: r#"{"peft_type":"LORA","fan_in_fan_out":"no"}"# => Unsupported, "`fan_in_fan_out`", "no";
    blocks_of_b: r#"{"peft_type":"LORA","use_bdlora":{"nblocks":2}}"# => Unsupported, "`use_bdlora`", "nblocks";
    experts_as_parameters: r#"{"peft_type":"LORA","target_parameters":["mlp.experts.down_proj"]}"# => Unsupported, "`target_parameters`", "mlp.experts";
    tokens_beside_the_pairs: r#"{"peft_type":"LORA","trainable_token_indices":{"embed_tokens":[7]}}"# => Unsupported, "`trainable_token_indices`", "embed_tokens";
    several_routed: r#"{"peft_type":"LORA","arrow_config":{"top_k":3}}"# => Unsupported, "`arrow_config`", "top_k";
    patterns_in_a_list: r#"{"peft_type":"LORA","rank_pattern":[4]}"# => Type, "`rank_pattern`", "[4]";
    alpha_1e30: r#"{"peft_type":"LORA","r":1,"lora_alpha":1e30}"# => Value, "`lora_alpha`", "1e+30";
    alpha_nan: r#"{"peft_type":"LORA","r":1,"lora_alpha":NaN}"# => Syntax, "valid JSON";
    alpha_is_a_text: r#"{"peft_type":"LORA","r":1,"lora_alpha":"NaN"}"# => Value, "`lora_alpha`", "NaN";
    regex_targets: r#"{"peft_type":"LORA","r":1,"lora_alpha":1,"target_modules":".*(q|k)_proj"}"# => Unsupported, "`target_modules`", "regular expression";
    regex_in_the_list: r#"{"peft_type":"LORA","r":1,"lora_alpha":1,"target_modules":["(a+)+$"]}"# => Type, "`target_modules`";
    trained_bias: r#"{"peft_type":"LORA","r":1,"lora_alpha":1,"bias":"all"}"# => Unsupported, "`bias`", "all";
    expression_in_rank_pattern: r#"{"peft_type":"LORA","r":1,"lora_alpha":1,"rank_pattern":{"layers.[0-9].*":4}}"# => Unsupported, "`rank_pattern`", "not regular expressions", "layers.[0-9].*";
    expression_in_alpha_pattern: r#"{"peft_type":"LORA","r":1,"lora_alpha":1,"alpha_pattern":{"^model.q_proj":4}}"# => Unsupported, "`alpha_pattern`", "^model.q_proj";
    repeated_layers: r#"{"peft_type":"LORA","r":1,"lora_alpha":1,"layer_replication":[[0,4],[2,5]]}"# => Unsupported, "`layer_replication`", "[[0,4],[2,5]]";
    tokens_that_switch_it_on: r#"{"peft_type":"LORA","r":1,"lora_alpha":1,"alora_invocation_tokens":[7]}"# => Unsupported, "`alora_invocation_tokens`", "[7]";
    part_of_the_base: r#"{"peft_type":"LORA","r":1,"lora_alpha":1,"init_lora_weights":"pissa_niter_4"}"# => Unsupported, "`init_lora_weights`", "pissa_niter_4";
    rows_as_columns: r#"{"peft_type":"LORA","r":1,"lora_alpha":1,"fan_in_fan_out":true}"# => Unsupported, "`fan_in_fan_out`", "true";
    saved_modules: r#"{"peft_type":"LORA","r":1,"lora_alpha":1,"modules_to_save":["lm_head"]}"# => Unsupported, "`modules_to_save`", "lm_head";
}

/// A LoRA file with some of its entries changed.
fn changed(change: impl Fn(&mut Vec<Entry>)) -> Result<LoraAdapter> {
    let adapter = lora().to_peft();
    let mut entries: Vec<Entry> =
        adapter.tensors.iter().map(|t| Entry::f32(t.key(), &t.shape, &t.values)).collect();
    change(&mut entries);
    let mut bytes = Vec::new();
    write(&mut bytes, &[], &entries).unwrap();
    let json = adapter.config.to_json();
    LoraAdapter::from_peft(PeftAdapter::read(
        memory("adapter_model.safetensors", bytes),
        Some(json.as_bytes()),
    )?)
}

#[test]
fn half_a_pair() {
    let result = changed(|entries| drop(entries.remove(1)));
    refused(result, Kind::Missing, &["q_proj", "lora_A and lora_B", "no lora_B"]);
}

#[test]
fn rank_that_the_shapes_contradict() {
    let result = changed(|entries| entries[0].shape = vec![4, 4]);
    refused(result, Kind::Shape, &["q_proj", "lora_A [2, in]", "[4, 4] and [8, 2]"]);
}

#[test]
fn a_vector_for_a_matrix() {
    let result = changed(|entries| entries[0].shape = vec![16]);
    refused(result, Kind::Shape, &["q_proj", "[16]"]);
}

#[test]
fn weights_that_are_no_numbers() {
    let result = changed(|entries| entries[0].bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes()));
    refused(result, Kind::Value, &["q_proj.lora_A.weight", "a finite number", "NaN"]);
}

#[test]
fn keys_of_no_method() {
    let result = changed(|entries| entries[0].name = "model.layers.0.something".into());
    refused(result, Kind::Unsupported, &["model.layers.0.something", "a PEFT method"]);
}

#[test]
fn a_pair_on_a_norm() {
    let key = "base_model.model.model.norm.lora_A.weight";
    let result = changed(|entries| entries[0].name = key.into());
    refused(result, Kind::Unsupported, &[key, "projection of a layer"]);
}

#[test]
fn no_tensors_at_all() {
    refused(changed(Vec::clear), Kind::Missing, &["an adapter's weights"]);
}

#[test]
fn no_config_anywhere() {
    let mut bytes = Vec::new();
    write(&mut bytes, &[], &[Entry::f32("x", &[1], &[1.0])]).unwrap();
    refused(
        PeftAdapter::read(memory("a.safetensors", bytes), None),
        Kind::Missing,
        &["adapter_config.json", "neither"],
    );
}

#[test]
fn another_method_is_no_lora() {
    let mut adapter = lora().to_peft();
    adapter.config.method = "IA3".into();
    refused(LoraAdapter::from_peft(adapter), Kind::Unsupported, &["`peft_type`", "LORA", "IA3"]);
}

#[test]
fn entries_that_no_file_can_hold() {
    let entry = Entry { name: "x".into(), dtype: Dtype::F32, shape: vec![2], bytes: vec![0; 4] };
    refused(write(Vec::new(), &[], std::slice::from_ref(&entry)), Kind::Shape, &["tensor `x`", "found 4"]);
    let twice = [Entry { shape: vec![1], ..entry.clone() }, Entry { shape: vec![1], ..entry.clone() }];
    refused(write(Vec::new(), &[], &twice), Kind::Duplicate, &["tensor `x`"]);
    let packed = Entry { dtype: Dtype::Q8_0, ..entry };
    refused(write(Vec::new(), &[], &[packed]), Kind::Unsupported, &["F32, F16 or BF16", "Q8_0"]);
}

/// What becomes of [`lora`]'s pairs on layer 0's queries and gate under another config.
fn under(key: &str, value: serde_json::Value) -> Result<LoraAdapter> {
    let mut adapter = lora().to_peft();
    adapter.config.raw.insert(key.into(), value);
    let json = adapter.config.to_json();
    LoraAdapter::from_peft(PeftAdapter { config: AdapterConfig::from_json(json.as_bytes())?, ..adapter })
}

#[test]
fn values_in_patterns_that_are_no_ranks_or_scales() {
    for value in [json!("x"), json!(0), json!(null)] {
        refused(
            under("rank_pattern", json!({"q_proj": value})),
            Kind::Value,
            &["`rank_pattern`: expected a rank"],
        );
    }
    for value in [json!("x"), json!(1e300), json!(null)] {
        let words = ["`alpha_pattern`: expected a number", &format!("found {value}")];
        refused(under("alpha_pattern", json!({"q_proj": value})), Kind::Value, &words);
    }
}

#[test]
fn tensors_of_modules_that_the_config_does_not_mean() {
    let query = "model.layers.0.self_attn.q_proj";
    for (key, value, module) in [
        ("target_modules", json!(["gate_proj"]), query),
        ("target_modules", json!(["layers.1.self_attn.q_proj", "gate_proj"]), query),
        ("exclude_modules", json!(["self_attn.q_proj"]), query),
        ("layers_to_transform", json!([1]), query),
        ("target_modules", json!([]), ""),
        ("target_modules", json!("all-linear"), ""),
        ("target_modules", json!([query, "mlp.gate_proj"]), ""),
        ("layers_to_transform", json!(0), ""),
        ("layers_to_transform", json!([]), ""),
    ] {
        match under(key, value.clone()) {
            Ok(adapter) => assert_eq!((adapter.pairs.len(), module), (2, ""), "{key}: {value}"),
            Err(error) => {
                let words = [module, "target_modules, exclude_modules and layers_to_transform"];
                refused::<()>(Err(error), Kind::Mismatch, &words);
            }
        }
    }
}

#[test]
fn modules_that_the_config_means_and_that_have_no_tensors() {
    let result = under("layers_to_transform", json!([0, 7]));
    refused(result, Kind::Missing, &["`layers_to_transform`", "tensors for layer 7"]);
    let mut adapter = lora();
    let mut second = adapter.pairs[0].clone();
    second.module = Module::from_hf("model.layers.1.self_attn.q_proj").unwrap();
    adapter.pairs.push(second);
    let words = ["model.layers.1.mlp.gate_proj", "as target_modules says", "none"];
    refused(LoraAdapter::from_peft(adapter.to_peft()), Kind::Missing, &words);
}

#[test]
fn layers_that_are_no_layers() {
    for (key, value, kind) in [
        ("layers_to_transform", json!("0"), Kind::Type),
        ("layers_to_transform", json!([-1]), Kind::Type),
        ("layers_pattern", json!("blocks"), Kind::Unsupported),
        ("exclude_modules", json!(".*mlp.*"), Kind::Unsupported),
    ] {
        refused(under(key, value), kind, &[key]);
    }
}

#[test]
fn magnitudes_and_the_switch_for_them() {
    refused(under("use_dora", json!(true)), Kind::Missing, &["q_proj", "lora_magnitude_vector", "none"]);
    let mut adapter = lora();
    adapter.pairs[0].magnitude = Some(vec![1.0; 8]);
    let words = ["q_proj", "use_dora", "lora_magnitude_vector without it"];
    refused(LoraAdapter::from_peft(adapter.to_peft()), Kind::Mismatch, &words);
}

#[test]
fn a_gguf_lora_that_tokens_switch_on() {
    let bytes = write_gguf(&lora(), "llama", HEADS, Vec::new()).unwrap();
    let file = GgufFile::open(memory("a.gguf", bytes)).unwrap();
    let mut metadata = file.header.metadata.clone();
    metadata.set("adapter.alora.invocation_tokens", Value::U32(7));
    let bytes = GgufWriter::begin(Vec::new(), &metadata, Vec::new()).unwrap().finish().unwrap();
    let result = read_gguf(memory("a.gguf", bytes), "llama", HEADS);
    refused(result, Kind::Unsupported, &["a.gguf", "`adapter.alora.invocation_tokens`"]);
}

const HEADS: Heads = Heads { queries: 2, keys: 1 };

#[test]
fn a_gguf_lora_for_another_architecture() {
    let bytes = write_gguf(&lora(), "llama", HEADS, Vec::new()).unwrap();
    let result = read_gguf(memory("a.gguf", bytes), "qwen2", HEADS);
    refused(result, Kind::Mismatch, &["a.gguf", "`general.architecture`", "expected qwen2, found llama"]);
}

#[test]
fn a_model_is_no_gguf_lora() {
    let bytes = crate::gguf_bytes::Raw::good().bytes();
    let result = read_gguf(memory("m.gguf", bytes), "llama", HEADS);
    refused(result, Kind::Mismatch, &["m.gguf", "`general.type`", "no such key"]);
}

#[test]
fn heads_that_do_not_fit_the_rows() {
    let result = write_gguf(&lora(), "llama", Heads { queries: 3, keys: 1 }, Vec::new());
    refused(result, Kind::Shape, &["blk.0.attn_q", "3 heads", "found 8"]);
    refused(
        write_gguf(&lora(), "llama", Heads { queries: 0, keys: 0 }, Vec::new()),
        Kind::Shape,
        &["0 heads"],
    );
}

#[test]
fn a_change_that_embedding_and_head_share() {
    let text = String::from_utf8(crate::read("peft/lora_ends/adapter_config.json")).unwrap();
    let tied = text.replace("\"ensure_weight_tying\": false", "\"ensure_weight_tying\": true");
    let file = || memory("a.safetensors", crate::read("peft/lora_ends/adapter_model.safetensors"));
    assert!(LoraAdapter::from_peft(PeftAdapter::read(file(), Some(text.as_bytes())).unwrap()).is_ok());
    let result = LoraAdapter::from_peft(PeftAdapter::read(file(), Some(tied.as_bytes())).unwrap());
    refused(result, Kind::Unsupported, &["`ensure_weight_tying`", "expected false", "found true"]);
}

#[test]
fn half_a_pair_on_the_embedding() {
    let whole = PeftAdapter::read(
        memory("a.safetensors", crate::read("peft/lora_ends/adapter_model.safetensors")),
        Some(&crate::read("peft/lora_ends/adapter_config.json")),
    )
    .unwrap();
    let mut half = whole.clone();
    half.tensors.retain(|one| one.part != "lora_embedding_B");
    let words = ["model.embed_tokens", "lora_embedding_A and lora_embedding_B", "no lora_embedding_B"];
    refused(LoraAdapter::from_peft(half), Kind::Missing, &words);
    let mut swapped = whole;
    for tensor in &mut swapped.tensors {
        tensor.part = tensor.part.replace("lora_embedding_A", "lora_A.weight");
    }
    refused(LoraAdapter::from_peft(swapped), Kind::Unsupported, &["embed_tokens.lora_A.weight"]);
}

#[test]
fn dora_in_gguf() {
    let mut adapter = lora();
    adapter.pairs[0].magnitude = Some(vec![1.0; 8]);
    refused(write_gguf(&adapter, "llama", HEADS, Vec::new()), Kind::Unsupported, &["DoRA magnitudes"]);
}

#[test]
fn cutting_an_adapter_anywhere_never_panics() {
    let whole = weights(&lora());
    for len in 0..whole.len() {
        let result = PeftAdapter::read(memory("a.safetensors", &whole[..len]), None);
        assert!(result.is_err(), "cut at {len}");
    }
}
