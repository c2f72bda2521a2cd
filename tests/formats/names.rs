//! Tensor names against transformers and the `gguf` package (fixture: `make_names.py`), and whole models of them.

use std::collections::BTreeMap;

use smolder_formats::model::ModelConfig;
use smolder_formats::names::{ARCHITECTURES, Place, Projection, architecture, to_gguf, to_hf};
use smolder_formats::{Dtype, Result, TensorInfo, TensorSource};

/// By architecture: Hugging Face's name of a tensor, GGUF's, and its shape.
type Names = BTreeMap<String, BTreeMap<String, (String, Vec<u64>)>>;

fn fixture() -> Names {
    serde_json::from_slice(&crate::read("names.json")).unwrap()
}

#[test]
fn names_are_those_of_the_gguf_package() {
    let names = fixture();
    assert_eq!(names.len(), ARCHITECTURES.len());
    for architecture in ARCHITECTURES {
        for (hf, (gguf, _)) in &names[architecture] {
            assert_eq!(to_gguf(architecture, hf).as_ref(), Some(gguf), "{architecture}");
            assert_eq!(to_hf(architecture, gguf).as_ref(), Some(hf), "{architecture}");
        }
    }
}

#[test]
fn the_same_name_means_another_norm_in_gemma() {
    let hf = "model.layers.3.post_attention_layernorm.weight";
    assert_eq!(to_gguf("llama", hf).as_deref(), Some("blk.3.ffn_norm.weight"));
    assert_eq!(to_gguf("gemma3", hf).as_deref(), Some("blk.3.post_attention_norm.weight"));
    assert_eq!(
        to_hf("phi3", "blk.3.ffn_up.weight").as_deref(),
        Some("model.layers.3.mlp.gate_up_proj.weight")
    );
    assert_eq!(architecture("gemma3_text"), "gemma3");
}

#[test]
fn other_names_have_no_translation() {
    for hf in ["model.layers.07.mlp.up_proj.weight", "model.layers.x.mlp.up_proj.weight", "up_proj.weight"] {
        assert_eq!(to_gguf("llama", hf), None, "{hf}");
    }
    assert_eq!(to_gguf("llama", "model.layers.0.self_attn.qkv_proj.weight"), None);
    assert_eq!(to_hf("llama", "rope_freqs.weight"), None);
}

/// A model that is nothing but its table.
pub struct Table(pub Vec<TensorInfo>);

impl TensorSource for Table {
    fn name(&self) -> &'static str {
        "m.gguf"
    }

    fn tensors(&self) -> &[TensorInfo] {
        &self.0
    }

    fn read_part(&mut self, _: &TensorInfo, _: u64, buffer: &mut [u8]) -> Result<()> {
        buffer.fill(0);
        Ok(())
    }
}

/// The fixture's sizes.
pub fn sizes(architecture: &str) -> ModelConfig {
    ModelConfig {
        architecture: architecture.into(),
        layers: 12,
        width: 32,
        feed_forward: 48,
        heads: 4,
        kv_heads: 2,
        head_dim: 16,
        context: 64,
        vocabulary: Some(64),
        rope_base: 10_000.0,
        norm_eps: 1e-5,
        tied: None,
    }
}

/// All tensors of the fixture's model, under GGUF's names or Hugging Face's.
pub fn whole(architecture: &str, hf: bool) -> Table {
    let mut tensors = Vec::new();
    for (theirs, (gguf, shape)) in &fixture()[architecture] {
        let name = if hf { theirs } else { gguf };
        let layers = if name.contains(".11.") { 0..12 } else { 11..12 };
        tensors.extend(layers.map(|layer| TensorInfo {
            name: name.replace(".11.", &format!(".{layer}.")),
            shape: shape.clone(),
            dtype: Dtype::F32,
            offset: 0,
            bytes: shape.iter().product::<u64>() * 4,
            part: 0,
        }));
    }
    Table(tensors)
}

#[test]
fn whole_models_of_every_architecture_are_accepted() {
    for architecture in ARCHITECTURES {
        for hf in [false, true] {
            sizes(architecture).check_tensors(&whole(architecture, hf)).unwrap();
        }
    }
}

#[test]
fn shapes_of_weights_are_known_by_place() {
    let fused = |projection| sizes("phi3").weight(Place { layer: 11, projection });
    assert_eq!(fused(Projection::Qkv), Some([128, 32]));
    assert_eq!(fused(Projection::GateUp), Some([96, 32]));
    assert_eq!(fused(Projection::Q), None);
    assert_eq!(sizes("llama").weight(Place { layer: 12, projection: Projection::Q }), None);
}

/// The values are those of transformers 5's config classes, made with the sizes below alone.
#[test]
fn what_a_config_does_not_say_is_what_transformers_takes() {
    let said = r#""num_attention_heads": 64, "hidden_size": 4096, "num_hidden_layers": 2, "intermediate_size": 8,
        "max_position_embeddings": 16, "vocab_size": 9"#;
    let sizes = |name: &str, more: &str| {
        let json = format!(r#"{{"model_type": "{name}", {said}{more}}}"#);
        let found = ModelConfig::from_json(json.as_bytes()).unwrap();
        (found.kv_heads, found.head_dim, found.rope_base, found.norm_eps, found.tied.unwrap())
    };
    let expected = [
        ("llama", (64, 64, 1e4, 1e-6, false)),
        ("qwen2", (32, 64, 1e4, 1e-6, false)),
        ("qwen3", (32, 128, 1e4, 1e-6, false)),
        ("gemma3_text", (4, 256, 1e4, 1e-6, true)),
        ("smollm3", (4, 64, 2e6, 1e-6, true)),
        ("phi3", (64, 64, 1e4, 1e-5, false)),
    ];
    for (name, found) in expected {
        assert_eq!(sizes(name, ""), found, "{name}");
        let all = r#", "num_key_value_heads": null, "head_dim": null, "rms_norm_eps": 0.5, "rope_theta": 7.0,
            "tie_word_embeddings": null"#;
        assert_eq!(sizes(name, all), (64, 64, 7.0, 0.5, found.4), "{name}");
    }
}
