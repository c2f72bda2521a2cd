//! Models whose tensors are not those that their sizes ask for, and weights that are no numbers.

use std::io::Cursor;

use smolder_formats::gguf::{GgufFile, Metadata, SplitGguf, Value};
use smolder_formats::model::ModelConfig;
use smolder_formats::quants::quantize_into;
use smolder_formats::{Dtype, Kind, Result, TensorSource};

use super::{cases, refused};
use crate::gguf_bytes::{Raw, pair, string, tensor};
use crate::memory;
use crate::names::{Table, sizes, whole};

/// An architecture, whether the names are Hugging Face's, and one tensor that gets another shape or none.
fn changed((architecture, hf, name, shape): (&str, bool, &str, Option<&[u64]>)) -> Result<()> {
    let mut table = whole(architecture, hf);
    let at = table.0.iter().position(|tensor| tensor.name == name).unwrap();
    match shape {
        Some(shape) => table.0[at].shape = shape.to_vec(),
        None => drop(table.0.remove(at)),
    }
    sizes(architecture).check_tensors(&table)
}

cases! { changed;
    no_embedding: ("llama", false, "token_embd.weight", None) => Missing, "m.gguf", "tensor `token_embd.weight`";
    vocabulary_is_not_the_embedding: ("llama", false, "token_embd.weight", Some(&[63, 32])) => Mismatch, "tensor `token_embd.weight`", "64 rows, one a token", "found 63";
    embedding_of_another_width: ("llama", false, "token_embd.weight", Some(&[64, 31])) => Shape, "[64, 32]", "[64, 31]";
    embedding_of_one_dimension: ("llama", false, "token_embd.weight", Some(&[64])) => Shape, "[64, 32]", "[64]";
    head_of_another_vocabulary: ("llama", false, "output.weight", Some(&[65, 32])) => Shape, "tensor `output.weight`", "[65, 32]";
    no_last_norm: ("llama", false, "output_norm.weight", None) => Missing, "tensor `output_norm.weight`";
    no_queries: ("llama", false, "blk.7.attn_q.weight", None) => Missing, "tensor `blk.7.attn_q.weight`", "110 tensors without it";
    transposed_queries: ("llama", false, "blk.0.attn_q.weight", Some(&[32, 64])) => Shape, "tensor `blk.0.attn_q.weight`", "[64, 32], found [32, 64]";
    keys_for_all_heads: ("qwen2", false, "blk.11.attn_k.weight", Some(&[64, 32])) => Shape, "`blk.11.attn_k.weight`", "[32, 32], found [64, 32]";
    queries_without_bias: ("qwen2", false, "blk.3.attn_q.bias", None) => Missing, "tensor `blk.3.attn_q.bias`";
    short_bias: ("qwen2", false, "blk.3.attn_v.bias", Some(&[31])) => Shape, "`blk.3.attn_v.bias`", "[32], found [31]";
    norm_of_a_whole_layer: ("qwen3", false, "blk.0.attn_k_norm.weight", Some(&[32])) => Shape, "`blk.0.attn_k_norm.weight`", "[16]";
    no_norm_behind: ("gemma3", false, "blk.5.post_ffw_norm.weight", None) => Missing, "tensor `blk.5.post_ffw_norm.weight`";
    gate_without_way_in: ("phi3", false, "blk.2.ffn_up.weight", Some(&[48, 32])) => Shape, "`blk.2.ffn_up.weight`", "[96, 32], found [48, 32]";
    no_gate: ("smollm3", false, "blk.2.ffn_gate.weight", None) => Missing, "tensor `blk.2.ffn_gate.weight`";
    missing_under_its_own_name: ("gemma3", true, "model.layers.4.post_attention_layernorm.weight", None) => Missing, "tensor `model.layers.4.post_attention_layernorm.weight`";
    misshapen_under_its_own_name: ("phi3", true, "model.layers.9.self_attn.qkv_proj.weight", Some(&[64, 32])) => Shape, "`model.layers.9.self_attn.qkv_proj.weight`", "[128, 32]";
}

#[test]
fn fewer_layers_stated_than_there_are() {
    let mut config = sizes("llama");
    config.layers = 11;
    let result = config.check_tensors(&whole("llama", false));
    refused(result, Kind::Mismatch, &["m.gguf", "blk.11.", "expected 11 layers, found one more"]);
}

#[test]
fn an_architecture_that_is_not_known() {
    let result = sizes("mamba").check_tensors(&Table(Vec::new()));
    refused(result, Kind::Unsupported, &["m.gguf", "architecture", "llama, qwen2", "found mamba"]);
}

/// Metadata of a small model with one key changed.
fn stated((key, value): (&str, Value)) -> Result<ModelConfig> {
    let mut metadata = Metadata::new();
    metadata.set("general.architecture", Value::String("llama".into()));
    for (key, value) in [
        ("llama.block_count", 2),
        ("llama.embedding_length", 32),
        ("llama.feed_forward_length", 48),
        ("llama.context_length", 64),
        ("llama.attention.head_count", 4),
        ("llama.attention.head_count_kv", 2),
    ] {
        metadata.set(key, Value::U32(value));
    }
    metadata.set(key, value);
    ModelConfig::from_gguf(&metadata)
}

cases! { stated;
    no_heads_in_gguf: ("llama.attention.head_count", Value::U32(0)) => Value, "heads", "found 0";
    no_key_heads_in_gguf: ("llama.attention.head_count_kv", Value::U32(0)) => Value, "key-value heads", "found 0";
    key_heads_that_do_not_divide: ("llama.attention.head_count_kv", Value::U32(3)) => Value, "a divisor of 4 heads", "found 3";
    rope_base_of_zero_in_gguf: ("llama.rope.freq_base", Value::F32(0.0)) => Value, "rope base", "above 0";
    rope_base_that_is_no_number: ("llama.rope.freq_base", Value::F32(f32::NAN)) => Value, "rope base", "NaN";
    infinite_rope_base: ("llama.rope.freq_base", Value::F64(f64::INFINITY)) => Value, "rope base", "inf";
    a_billion_layers_in_gguf: ("llama.block_count", Value::U32(1_000_000_000)) => Value, "layers", "1 to 1024";
    layers_as_a_text: ("llama.block_count", Value::String("2".into())) => Type, "`llama.block_count`", "a string";
    another_architecture_with_other_keys: ("general.architecture", Value::String("mamba".into())) => Unsupported, "architecture: expected one of llama, ", "found mamba";
    negative_width: ("llama.embedding_length", Value::I32(-32)) => Type, "`llama.embedding_length`", "non-negative";
}

#[test]
fn an_adapter_is_no_model() {
    let pairs = vec![pair("general.type", 8, &string(b"adapter"))];
    let bytes = Raw { pairs, tensors: Vec::new(), payload: Vec::new() }.bytes();
    let file = GgufFile::open(memory("lora.gguf", bytes)).unwrap();
    let result = ModelConfig::from_gguf(&file.header.metadata);
    refused(result, Kind::Mismatch, &["`general.type`", "expected model, found adapter"]);
}

/// Three rows of two blocks, the fourth block with these bytes at its start.
fn with_scale(dtype: Dtype, scale: &[u8]) -> (Vec<u8>, Dtype) {
    let mut payload = Vec::new();
    quantize_into(dtype, &vec![0.5; 6 * dtype.block_len()], &mut payload).unwrap();
    let at = 3 * dtype.block_bytes();
    payload[at..at + scale.len()].copy_from_slice(scale);
    (payload, dtype)
}

fn raw(payload: Vec<u8>, dtype: Dtype, pairs: Vec<Vec<u8>>) -> Vec<u8> {
    let dims = [2 * dtype.block_len() as u64, 3];
    Raw { pairs, tensors: vec![tensor("blk.0.attn_q.weight", &dims, dtype.ggml_id(), 0)], payload }.bytes()
}

fn file((payload, dtype): (Vec<u8>, Dtype)) -> GgufFile<Cursor<Vec<u8>>> {
    GgufFile::open(memory("m.gguf", raw(payload, dtype, Vec::new()))).unwrap()
}

/// Reads in chunks of a block each, and as floats; both must give the same refusal.
fn weights(input: (Vec<u8>, Dtype)) -> Result<Vec<f32>> {
    let mut file = file(input);
    let tensor = file.tensors()[0].clone();
    let chunks = file.read_finite(&tensor, 1, &mut |_| Ok(())).err();
    let floats = file.read_f32(&tensor);
    assert_eq!(chunks.as_ref(), floats.as_ref().err());
    floats
}

cases! { weights;
    infinite_scale: with_scale(Dtype::Q8_0, &[0x00, 0x7c]) => Value, "m.gguf", "tensor `blk.0.attn_q.weight`, Q8_0 block 3", "finite scales, found infinity or NaN";
    scale_that_is_no_number: with_scale(Dtype::Q4_0, &[0x01, 0x7e]) => Value, "Q4_0 block 3";
    infinite_minimum: with_scale(Dtype::Q4_1, &[0x00, 0x3c, 0x00, 0xfc]) => Value, "Q4_1 block 3";
    infinite_float: with_scale(Dtype::F32, &f32::INFINITY.to_le_bytes()) => Value, "F32 element 3", "a finite number";
    half_that_is_no_number: with_scale(Dtype::F16, &[0xff, 0xff]) => Value, "F16 element 3";
    infinite_brain_float: with_scale(Dtype::BF16, &[0x80, 0xff]) => Value, "BF16 element 3";
}

#[test]
fn large_finite_scales_are_weights() {
    let values = weights(with_scale(Dtype::Q8_0, &[0xff, 0x7b])).unwrap();
    assert_eq!(values[96..98], [65504.0 * 127.0; 2]);
}

#[test]
fn chunks_before_the_bad_block_are_given() {
    let mut file = file(with_scale(Dtype::Q8_0, &[0x00, 0x7c]));
    let tensor = file.tensors()[0].clone();
    let mut bytes = 0;
    let mut count = |chunk: &[u8]| {
        bytes += chunk.len();
        Ok(())
    };
    refused(file.read_finite(&tensor, 34, &mut count), Kind::Value, &["block 3"]);
    assert_eq!(bytes, 3 * 34);
}

#[test]
fn the_part_with_the_bad_block_is_named() {
    let (payload, dtype) = with_scale(Dtype::Q8_0, &[0x00, 0x7c]);
    let split = |no: u16| {
        let architecture = pair("general.architecture", 8, &string(b"llama"));
        vec![
            architecture,
            pair("split.no", 2, &no.to_le_bytes()),
            pair("split.count", 2, &2_u16.to_le_bytes()),
        ]
    };
    let mut files = [
        Raw { pairs: split(0), tensors: Vec::new(), payload: Vec::new() }.bytes(),
        raw(payload, dtype, split(1)),
    ]
    .into_iter();
    let mut model =
        SplitGguf::open("m-00001-of-00002.gguf", |name| Ok(memory(name, files.next().unwrap()))).unwrap();
    let tensor = model.tensors()[0].clone();
    refused(
        model.read_f32(&tensor),
        Kind::Value,
        &["m-00002-of-00002.gguf: tensor `blk.0.attn_q.weight`, Q8_0 block 3"],
    );
}

#[test]
fn a_head_that_is_not_the_embedding_must_be_there() {
    let without = || {
        let mut table = whole("llama", true);
        table.0.retain(|tensor| tensor.name != "lm_head.weight");
        table
    };
    assert!(whole("llama", true).0.len() > without().0.len());
    for (tied, good) in [(None, true), (Some(true), true), (Some(false), false)] {
        let result = ModelConfig { tied, ..sizes("llama") }.check_tensors(&without());
        assert_eq!(result.is_ok(), good, "{tied:?}");
        let named = |error: smolder_formats::Error| {
            (error.kind == Kind::Missing)
                .then(|| error.to_string())
                .is_some_and(|text| text.contains("lm_head.weight"))
        };
        assert!(result.err().is_none_or(named));
    }
}
