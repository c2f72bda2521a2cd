//! Base models in safetensors, and adapters there and back.

use std::collections::BTreeMap;
use std::io::Cursor;

use smolder_formats::adapter::{
    AdapterConfig, AdapterTensor, BaseIdentity, Check, Heads, LoraAdapter, LoraPair, Module, PeftAdapter,
    Scale, Target, read_gguf, write_gguf,
};
use smolder_formats::gguf::{GgufFile, GgufWriter, TensorPlan};
use smolder_formats::names::{Place, Projection};
use smolder_formats::safetensors::{HfModel, Safetensors};
use smolder_formats::{Dtype, Kind, Result, Sha256Hash, Source, TensorInfo, TensorSource};

use crate::{memory, read};

#[allow(clippy::unnecessary_wraps, reason = "the type of what opens files in a directory")]
pub fn hf_file(name: &str) -> Result<Option<Source<Cursor<Vec<u8>>>>> {
    let path = crate::fixture(&format!("hf/{name}"));
    Ok(std::fs::read(path).ok().map(|bytes| memory(name, bytes)))
}

#[test]
fn a_sharded_directory_reads_as_one_model() {
    let mut model = HfModel::open(hf_file).unwrap();
    assert_eq!((model.config.layers, model.config.kv_heads, model.config.head_dim), (1, 1, 4));
    assert_eq!(model.tensors().len(), 3);
    for (name, first, last) in [
        ("model.embed_tokens.weight", 0.0, 19.75),
        ("model.layers.0.self_attn.q_proj.weight", 25.0, 40.75),
        ("model.norm.weight", 50.0, 51.75),
    ] {
        let tensor = model.require(name).unwrap().clone();
        let values = model.read_f32(&tensor).unwrap();
        assert_eq!((values[0], *values.last().unwrap()), (first, last), "{name}");
    }
}

/// An adapter that PEFT wrote (fixtures: `make_peft.py`).
fn from_peft(name: &str) -> PeftAdapter {
    let config = read(&format!("peft/{name}/adapter_config.json"));
    let weights = read(&format!("peft/{name}/adapter_model.safetensors"));
    PeftAdapter::read(memory("adapter_model.safetensors", weights), Some(&config)).unwrap()
}

/// Method, `peft_type`, number of tensors, and whether they all belong to projections.
const WRITTEN_BY_PEFT: [(&str, &str, usize, bool); 17] = [
    ("lora", "LORA", 12, true),
    ("dora", "LORA", 12, true),
    ("adalora", "ADALORA", 12, true),
    ("ia3", "IA3", 6, true),
    ("vera", "VERA", 10, false),
    ("loha", "LOHA", 16, true),
    ("lokr", "LOKR", 8, true),
    ("ln_tuning", "LN_TUNING", 4, false),
    ("beft", "BEFT", 4, true),
    ("miss", "MISS", 4, true),
    ("hira", "HIRA", 8, true),
    ("prompt_tuning", "PROMPT_TUNING", 1, false),
    ("p_tuning", "P_TUNING", 1, false),
    ("prefix_tuning", "PREFIX_TUNING", 1, false),
    ("multitask_prompt_tuning", "MULTITASK_PROMPT_TUNING", 3, false),
    ("adaption_prompt", "ADAPTION_PROMPT", 2, false),
    ("trainable_tokens", "TRAINABLE_TOKENS", 1, false),
];

#[test]
fn adapters_of_every_method_read_as_peft_wrote_them() {
    for (name, method, tensors, projections) in WRITTEN_BY_PEFT {
        let mut adapter = from_peft(name);
        assert_eq!((adapter.config.method.as_str(), adapter.tensors.len()), (method, tensors), "{name}");
        let projection = |tensor: &AdapterTensor| matches!(tensor.target, Target::Projection(_));
        assert_eq!(adapter.tensors.iter().all(projection), projections, "{name}");
        if matches!(name, "prompt_tuning" | "p_tuning" | "prefix_tuning") {
            continue;
        }
        adapter.tensors.sort_by_key(AdapterTensor::key);
        for (index, tensor) in adapter.tensors.iter().enumerate() {
            let count = tensor.shape.iter().product::<u64>() as usize;
            let want: Vec<f32> = (0..count).map(|i| (index + 1) as f32 + i as f32 / 64.0).collect();
            assert_eq!(tensor.values, want, "{name}: {}", tensor.key());
        }
    }
}

#[test]
fn adapters_of_every_method_are_written_with_peft_s_keys() {
    for (name, ..) in WRITTEN_BY_PEFT {
        let mut adapter = from_peft(name);
        let mut bytes = Vec::new();
        adapter.write_weights(&mut bytes).unwrap();
        let weights = read(&format!("peft/{name}/adapter_model.safetensors"));
        let table = |bytes: Vec<u8>| {
            let file = Safetensors::open(memory("a.safetensors", bytes)).unwrap();
            let named = |tensor: &TensorInfo| (tensor.name.clone(), tensor.shape.clone());
            file.tensors().iter().map(named).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(table(bytes.clone()), table(weights), "{name}");
        let mut back = PeftAdapter::read(memory("a.safetensors", bytes), None).unwrap();
        adapter.tensors.sort_by_key(AdapterTensor::key);
        back.tensors.sort_by_key(AdapterTensor::key);
        assert_eq!(back, adapter, "{name}");
    }
}

#[test]
fn peft_s_ranks_and_scales_are_understood() {
    let adapter = LoraAdapter::from_peft(from_peft("lora")).unwrap();
    let pair = |layer, projection| {
        let module = Module::Projection(place(layer, projection));
        adapter.pairs.iter().find(|pair| pair.module == module).unwrap()
    };
    assert_eq!(pair(0, Projection::Q).scale, Scale { rank: 2, alpha: 8.0, by_root: true });
    assert_eq!(pair(1, Projection::Q).scale, Scale { rank: 3, alpha: 8.0, by_root: true });
    assert_eq!(pair(1, Projection::K).scale, Scale { rank: 2, alpha: 5.0, by_root: true });
    let down = pair(0, Projection::Down);
    assert_eq!((down.inputs, down.outputs), (12, 8));
    let dora = LoraAdapter::from_peft(from_peft("dora")).unwrap();
    assert!(dora.pairs.iter().all(|pair| pair.magnitude.as_ref().unwrap().len() as u64 == pair.outputs));
}

fn place(layer: u32, projection: Projection) -> Place {
    Place { layer, projection }
}

/// Two pairs of rank 2 on queries and gate, with values that tell rows apart.
pub fn lora() -> LoraAdapter {
    let scale = Scale { rank: 2, alpha: 8.0, by_root: false };
    let numbers = |n: u32, from: u32| (0..n).map(|i| (from + i) as f32 / 8.0).collect::<Vec<_>>();
    let pair = |place, outputs: u32| LoraPair {
        module: Module::Projection(place),
        scale,
        inputs: 8,
        outputs: outputs.into(),
        a: numbers(16, 1),
        b: numbers(outputs * 2, 100),
        magnitude: None,
    };
    let hash = Sha256Hash::of;
    LoraAdapter {
        config: AdapterConfig::lora("base", &["q_proj", "gate_proj"], scale, 0.05),
        pairs: vec![pair(place(0, Projection::Q), 8), pair(place(0, Projection::Gate), 16)],
        base: Some(BaseIdentity::new("SmolLM2", hash(b"f"), hash(b"t"), hash(b"k"), hash(b"c"))),
    }
}

pub fn weights(adapter: &LoraAdapter) -> Vec<u8> {
    let mut out = Vec::new();
    adapter.to_peft().write_weights(&mut out).unwrap();
    out
}

#[test]
fn a_lora_survives_a_peft_file() {
    let adapter = lora();
    let bytes = weights(&adapter);
    let alone = PeftAdapter::read(memory("adapter_model.safetensors", bytes.clone()), None).unwrap();
    let json = adapter.config.to_json();
    let beside =
        PeftAdapter::read(memory("adapter_model.safetensors", bytes), Some(json.as_bytes())).unwrap();
    assert_eq!(alone, beside);
    let back = LoraAdapter::from_peft(alone).unwrap();
    assert_eq!(back.pairs, adapter.pairs);
    assert_eq!(back.base, adapter.base);
    assert_eq!(back.config.targets, ["gate_proj", "q_proj"]);
}

#[test]
fn keys_are_those_of_peft() {
    let keys: Vec<String> = lora().to_peft().tensors.iter().map(AdapterTensor::key).collect();
    assert_eq!(keys[0], "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight");
    assert_eq!(keys[3], "base_model.model.model.layers.0.mlp.gate_proj.lora_B.weight");
}

#[test]
fn every_method_s_keys_resolve() {
    let layer = "base_model.model.model.layers.0.self_attn.q_proj";
    for part in
        ["ia3_l", "vera_lambda_b", "hada_w1_a", "lokr_w2_b", "miss_block", "hira_A", "lora_magnitude_vector"]
    {
        let (key, want) = (format!("{layer}.{part}"), Target::Projection(place(0, Projection::Q)));
        assert_eq!(resolved(&key), want, "{key}");
    }
    let norm = Target::Module("model.layers.0.input_layernorm".into());
    assert_eq!(resolved("base_model.model.model.layers.0.input_layernorm.ln_tuning_layers.weight"), norm);
    assert_eq!(resolved("prompt_embeddings"), Target::Model);
    assert_eq!(resolved("base_model.vera_A"), Target::Model);
}

fn resolved(key: &str) -> Target {
    let mut bytes = Vec::new();
    let entry = smolder_formats::safetensors::Entry::f32(key, &[1], &[1.0]);
    smolder_formats::safetensors::write(&mut bytes, &[], &[entry]).unwrap();
    let config = br#"{"peft_type":"IA3","target_modules":["q_proj"]}"#;
    let adapter = PeftAdapter::read(memory("a.safetensors", bytes), Some(config)).unwrap();
    assert_eq!(adapter.tensors[0].key(), key, "the key is written as it was read");
    adapter.tensors[0].target.clone()
}

#[test]
fn a_lora_survives_gguf_with_its_rows_reordered() {
    let adapter = lora();
    let heads = Heads { queries: 2, keys: 1 };
    let bytes = write_gguf(&adapter, "llama", heads, Vec::new()).unwrap();
    let back = read_gguf(memory("a.gguf", bytes.clone()), "llama", heads).unwrap();
    assert_eq!(back.pairs, adapter.pairs);

    let mut file = GgufFile::open(memory("a.gguf", bytes)).unwrap();
    let b = file.require("blk.0.attn_q.weight.lora_b").unwrap().clone();
    let stored = file.read_f32(&b).unwrap();
    // Head 0 has rows 0 to 3: rotary pairs (0, 2) and (1, 3) lie side by side in the file.
    let rows: Vec<f32> = stored.chunks(2).map(|row| (row[0] * 8.0 - 100.0) / 2.0).collect();
    assert_eq!(rows, [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
}

#[test]
fn scales_that_differ_are_folded_into_b() {
    let mut adapter = lora();
    adapter.pairs[1].scale = Scale { rank: 2, alpha: 8.0, by_root: true };
    let heads = Heads { queries: 2, keys: 1 };
    let bytes = write_gguf(&adapter, "qwen2", heads, Vec::new()).unwrap();
    let back = read_gguf(memory("a.gguf", bytes), "qwen2", heads).unwrap();
    for (before, after) in adapter.pairs.iter().zip(&back.pairs) {
        let delta = |pair: &LoraPair| pair.b[3] * pair.scale.factor() as f32;
        assert!((delta(before) / delta(after) - 1.0).abs() < 1e-6, "{} and {}", delta(before), delta(after));
    }
}

/// B times alpha over rank, as llama.cpp takes it: of no alpha, B alone.
fn changes(bytes: &[u8]) -> Vec<Vec<f32>> {
    let mut file = GgufFile::open(memory("a.gguf", bytes)).unwrap();
    let alpha = file.header.metadata.float("adapter.lora.alpha").unwrap().unwrap() as f32;
    let b: Vec<TensorInfo> = file.tensors().iter().filter(|one| one.name.ends_with("_b")).cloned().collect();
    let change = |one: &TensorInfo| {
        let scale = if alpha == 0.0 { 1.0 } else { alpha / one.shape[1] as f32 };
        file.read_f32(one).unwrap().into_iter().map(|value| value * scale).collect()
    };
    b.iter().map(change).collect()
}

#[test]
fn an_alpha_of_0_is_folded_into_b() {
    let heads = Heads { queries: 2, keys: 1 };
    let mut adapter = lora();
    adapter.pairs[0].scale.alpha = 0.0;
    let half = changes(&write_gguf(&adapter, "qwen2", heads, Vec::new()).unwrap());
    assert!(half[0].iter().all(|value| *value == 0.0), "{half:?}");
    let whole: Vec<f32> = adapter.pairs[1].b.iter().map(|value| value * 4.0).collect();
    assert_eq!(half[1], whole);
    adapter.pairs[1].scale.alpha = 0.0;
    let none = changes(&write_gguf(&adapter, "qwen2", heads, Vec::new()).unwrap());
    assert!(none.iter().flatten().all(|value| *value == 0.0), "{none:?}");
}

/// The file of [`lora`] with another alpha, and its tensors in another type.
fn rewritten(adapter: &LoraAdapter, alpha: f32, dtype: Dtype) -> Vec<u8> {
    let bytes = write_gguf(adapter, "qwen2", Heads { queries: 2, keys: 1 }, Vec::new()).unwrap();
    let mut file = GgufFile::open(memory("a.gguf", bytes)).unwrap();
    let mut metadata = file.header.metadata.clone();
    metadata.set("adapter.lora.alpha", smolder_formats::gguf::Value::F32(alpha));
    let tensors = file.tensors().to_vec();
    let plan = |one: &TensorInfo| TensorPlan { name: one.name.clone(), shape: one.shape.clone(), dtype };
    let mut writer = GgufWriter::begin(Vec::new(), &metadata, tensors.iter().map(plan).collect()).unwrap();
    for tensor in &tensors {
        writer.write_f32(&file.read_f32(tensor).unwrap()).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn an_alpha_of_0_in_gguf_is_a_scale_of_1() {
    let heads = Heads { queries: 2, keys: 1 };
    let mut adapter = lora();
    adapter.pairs[1].scale = Scale { rank: 4, alpha: 16.0, by_root: false };
    adapter.pairs[1].a = vec![1.0; 32];
    adapter.pairs[1].b = vec![1.0; 64];
    let back = read_gguf(memory("a.gguf", rewritten(&adapter, 0.0, Dtype::F32)), "qwen2", heads).unwrap();
    assert_eq!(back.pairs.iter().map(|pair| pair.scale.factor()).collect::<Vec<_>>(), [1.0, 1.0]);
    // The config that it is written with says the same of each pair.
    let again = LoraAdapter::from_peft(back.to_peft()).unwrap();
    assert_eq!(again.pairs, back.pairs);
}

#[test]
fn a_lora_of_blocks_is_read() {
    let heads = Heads { queries: 2, keys: 1 };
    let mut adapter = lora();
    let scale = Scale { rank: 32, alpha: 32.0, by_root: false };
    for pair in &mut adapter.pairs {
        (pair.scale, pair.inputs) = (scale, 32);
        // Each block's largest is 127 steps of its scale: nothing is rounded.
        pair.a = (0..32 * 32).map(|i| ((i % 32) * 4 + 3) as f32).collect();
        pair.b = (0..pair.outputs * 32).map(|i| ((i % 32) * 4 + 3) as f32).collect();
    }
    let bytes = rewritten(&adapter, 32.0, Dtype::Q8_0);
    let back = read_gguf(memory("a.gguf", bytes), "qwen2", heads).unwrap();
    assert_eq!(back.pairs, adapter.pairs);
}

#[test]
fn a_gguf_whose_layers_differ_names_its_modules_by_path() {
    let heads = Heads { queries: 2, keys: 1 };
    let mut adapter = lora();
    adapter.pairs[1].module = Module::Projection(place(1, Projection::Gate));
    let bytes = write_gguf(&adapter, "qwen2", heads, Vec::new()).unwrap();
    let back = read_gguf(memory("a.gguf", bytes), "qwen2", heads).unwrap();
    let paths = ["model.layers.0.self_attn.q_proj", "model.layers.1.mlp.gate_proj"];
    assert_eq!(back.config.targets, paths);
    assert_eq!(LoraAdapter::from_peft(back.to_peft()).unwrap().pairs, back.pairs);
}

/// PEFT's adapter with a vocabulary of 10 and a width of 8, whose file repeats embedding and head.
fn ends() -> LoraAdapter {
    LoraAdapter::from_peft(from_peft("lora_ends")).unwrap()
}

#[test]
fn the_embedding_and_the_head_are_read_as_peft_wrote_them() {
    let adapter = ends();
    let shapes: Vec<_> =
        adapter.pairs.iter().map(|pair| (pair.module.hf(), pair.outputs, pair.inputs)).collect();
    let expected = [
        ("model.embed_tokens", 8, 10),
        ("model.layers.0.self_attn.q_proj", 8, 8),
        ("model.layers.1.self_attn.q_proj", 8, 8),
        ("lm_head", 10, 8),
    ];
    assert_eq!(shapes, expected.map(|(name, outputs, inputs)| (name.to_owned(), outputs, inputs)));
    // In the order of names, the head's tensors are first and second, the embedding's third and fourth.
    let firsts = [&adapter.pairs[3], &adapter.pairs[0]].map(|pair| [pair.a[0], pair.b[0]]);
    assert_eq!(firsts, [[1.0, 2.0], [3.0, 4.0]]);
    let keys: Vec<String> = adapter.to_peft().tensors.iter().map(AdapterTensor::key).collect();
    assert_eq!(keys[0], "base_model.model.model.embed_tokens.lora_embedding_A");
    assert_eq!(keys[7], "base_model.model.lm_head.lora_B.weight");
    let back = PeftAdapter::read(memory("a.safetensors", weights(&adapter)), None).unwrap();
    assert_eq!(LoraAdapter::from_peft(back).unwrap().pairs, adapter.pairs);
}

#[test]
fn a_token_s_numbers_are_a_row_in_gguf() {
    let (adapter, heads) = (ends(), Heads { queries: 2, keys: 1 });
    let bytes = write_gguf(&adapter, "llama", heads, Vec::new()).unwrap();
    let back = read_gguf(memory("a.gguf", bytes.clone()), "llama", heads).unwrap();
    assert_eq!(back.pairs, adapter.pairs);
    assert_eq!(back.config.targets, ["embed_tokens", "lm_head", "q_proj"]);

    let mut file = GgufFile::open(memory("a.gguf", bytes)).unwrap();
    let [a, b, head] =
        ["token_embd.weight.lora_a", "token_embd.weight.lora_b", "output.weight.lora_b"].map(|name| {
            let info = file.require(name).unwrap().clone();
            (info.shape.clone(), file.read_f32(&info).unwrap())
        });
    assert_eq!([a.0, b.0, head.0], [vec![10, 2], vec![8, 2], vec![10, 2]]);
    let pair = &adapter.pairs[0];
    assert_eq!(a.1[6..8], [pair.a[3], pair.a[13]], "token 3");
    assert_eq!(b.1, pair.b);
}

#[test]
fn programs_with_one_table_for_both_ends_get_no_change_of_one() {
    ends().check_ends(false, "llama.cpp").unwrap();
    lora().check_ends(true, "llama.cpp").unwrap();
    let error = ends().check_ends(true, "llama.cpp").unwrap_err();
    assert_eq!(error.kind, Kind::Unsupported);
    assert!(error.to_string().contains("model.embed_tokens: expected a base model with a head"), "{error}");
}

#[test]
fn keys_that_peft_does_not_know_are_named() {
    for (name, ..) in WRITTEN_BY_PEFT {
        assert_eq!(from_peft(name).config.unknown_keys(), Vec::<&str>::new(), "{name}");
    }
    let mut config = lora().config;
    assert_eq!(config.unknown_keys(), Vec::<&str>::new());
    config.raw.insert("use_newest_trick".into(), true.into());
    assert_eq!(config.unknown_keys(), ["use_newest_trick"]);
}

#[test]
fn scales_beyond_what_a_gguf_s_alpha_may_be_survive() {
    for scale in [Scale { rank: 2, alpha: 1e6, by_root: true }, Scale { rank: 2, alpha: -1e6, by_root: true }]
    {
        let mut adapter = lora();
        adapter.pairs.iter_mut().for_each(|pair| pair.scale = scale);
        let heads = Heads { queries: 2, keys: 1 };
        let bytes = write_gguf(&adapter, "qwen2", heads, Vec::new()).unwrap();
        let back = read_gguf(memory("a.gguf", bytes), "qwen2", heads).unwrap();
        let delta =
            |adapter: &LoraAdapter| f64::from(adapter.pairs[0].b[3]) * adapter.pairs[0].scale.factor();
        let share = delta(&back) / delta(&adapter);
        assert!((share - 1.0).abs() < 1e-6, "{scale:?}: {share}");
    }
    let mut adapter = lora();
    adapter.pairs.iter_mut().for_each(|pair| pair.scale = Scale { rank: 2, alpha: 1e6, by_root: true });
    adapter.pairs[0].b[3] = 3e38;
    let error = write_gguf(&adapter, "qwen2", Heads { queries: 2, keys: 1 }, Vec::new()).unwrap_err();
    assert_eq!((error.kind, error.field.as_str()), (Kind::Value, "model.layers.0.self_attn.q_proj"));
}

#[test]
fn rank_and_alpha_patterns_count() {
    let json = br#"{"peft_type":"LORA","target_modules":["q_proj"],"r":8,"lora_alpha":16,"use_rslora":true,
        "rank_pattern":{"layers.1.self_attn.q_proj":4},"alpha_pattern":{"k_proj":3}}"#;
    let config = AdapterConfig::from_json(json).unwrap();
    let scale = |path: &str| config.scale(path).unwrap();
    assert_eq!(scale("model.layers.1.self_attn.q_proj").rank, 4);
    assert_eq!(scale("model.layers.11.self_attn.q_proj").rank, 8);
    assert!((scale("model.layers.0.self_attn.k_proj").factor() - 3.0 / 8_f64.sqrt()).abs() < 1e-12);
}

#[test]
fn what_a_config_leaves_out_is_what_peft_begins_with() {
    let config = AdapterConfig::from_json(br#"{"peft_type":"LORA","target_modules":["q_proj"]}"#).unwrap();
    assert_eq!(config.scale("q_proj").unwrap(), Scale { rank: 8, alpha: 8.0, by_root: false });
}

#[test]
fn another_base_is_refused_unless_asked_for() {
    let ours = lora().base.unwrap();
    assert_eq!(ours.check(&ours, Check::Strict).unwrap(), Vec::<String>::new());
    let other = BaseIdentity { file: "0".repeat(64), ..ours.clone() };
    let error = ours.check(&other, Check::Strict).unwrap_err();
    assert_eq!(error.kind, Kind::Mismatch);
    assert!(error.to_string().contains("base model: expected SmolLM2"), "{error}");
    assert_eq!(ours.check(&other, Check::AllowOtherBase).unwrap().len(), 1);
    let shaped = BaseIdentity { table: "1".repeat(64), ..ours.clone() };
    assert!(ours.check(&shaped, Check::AllowOtherBase).is_err(), "other shapes are always refused");
}

#[test]
fn shapes_are_compared_with_the_base() {
    let adapter = lora();
    adapter.check_shapes(|module| Some(if module.name() == "q_proj" { [8, 8] } else { [16, 8] })).unwrap();
    let error = adapter.check_shapes(|_| Some([8, 8])).unwrap_err();
    assert_eq!(error.kind, Kind::Shape);
    assert!(
        error.to_string().contains("gate_proj: expected [8, 8], as in the base model, found [16, 8]"),
        "{error}"
    );
    assert_eq!(adapter.check_shapes(|_| None).unwrap_err().kind, Kind::Missing);
}

#[test]
fn sizes_are_read_and_tensors_checked() {
    let header =
        smolder_formats::gguf::Gguf::read(&mut memory("s.gguf", read("tokenizers/smollm2.gguf"))).unwrap();
    let config = smolder_formats::model::ModelConfig::from_gguf(&header.metadata).unwrap();
    assert_eq!((config.layers, config.heads, config.kv_heads, config.head_dim), (30, 9, 3, 64));
    assert_eq!((config.vocabulary, config.context), (Some(49152), 8192));
    assert_eq!(config.cache_bytes(1000), 2 * 2 * 30 * 3 * 64 * 1000);
}
