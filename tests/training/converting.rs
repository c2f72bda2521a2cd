//! Adapters of other methods as LoRA; how near they come is what PyTorch finds, see `tests/fixtures/combining/`.

use crate::runs::{file, json, runs};
use serde_json::Value;
use smolder_formats::Kind;
use smolder_formats::adapter::{Module, PeftAdapter};
use smolder_kernels::burn::tensor::{Device, Tensor};
use smolder_models::peft::load;
use smolder_models::{Approximation, LoadError, Opened, convert};
use smolder_tests::fixtures::{self, Bytes, open_gguf, open_hf};
use smolder_tests::values;
use std::ops::ControlFlow;

fn converted(base: &mut Opened<Bytes>, adapter: &PeftAdapter, rank: u64) -> Result<Approximation, LoadError> {
    pollster::block_on(convert(base, adapter, rank, &mut |_, _| ControlFlow::Continue(())))
}

fn base(entry: &Value) -> Opened<Bytes> {
    open_gguf(&format!("models/{}", entry["model"].as_str().unwrap()))
}

/// Adapters whose biases change too.
const BIASED: [&str; 1] = ["qwen2-ia3/start-padded"];

#[test]
fn no_lora_of_the_rank_comes_nearer() {
    let entries = json("combining/tiny/errors.json");
    for entry in entries.as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        if BIASED.contains(&name) {
            continue;
        }
        let (mut base, adapter) = (base(entry), file(entry["adapter"].as_str().unwrap()));
        for (rank, errors) in entry["errors"].as_object().unwrap() {
            let errors = errors.as_object().unwrap();
            let found = converted(&mut base, &adapter, rank.parse().unwrap()).unwrap();
            assert_eq!(found.distances.len(), errors.len(), "{name}");
            for (module, distance) in &found.distances {
                let (relative, least) = (distance.relative(), errors[&module.hf()].as_f64().unwrap());
                // Not nearer than can be, but for rounding, and hardly further.
                let near = (relative - least).abs() <= 1e-3 * least + 2e-6;
                assert!(near, "{name} {} at rank {rank}: {relative:e}, {least:e}", module.hf());
            }
            let worst = errors.values().map(|error| error.as_f64().unwrap()).fold(0.0, f64::max);
            let (_, found_worst) = found.worst().unwrap();
            assert!((found_worst.relative() - worst).abs() <= 1e-3 * worst + 2e-6, "{name}");
            assert!(found.total().relative() <= found_worst.relative(), "{name}");
        }
    }
}

/// Methods whose changes have no higher rank in these runs.
const NARROW: [&str; 4] = ["lora-plus", "vera", "loha", "miss"];

#[test]
fn a_lora_of_the_changes_own_rank_computes_what_the_adapter_computes() {
    let mut compared = 0;
    for run in runs().into_iter().filter(|run| NARROW.contains(&run.text("method").unwrap())) {
        let Some((adapter, ids, expected)) = run.trained() else { continue };
        let mut base = open_gguf(&format!("models/{}", run.text("model").unwrap()));
        let found = converted(&mut base, &adapter, 12).unwrap();
        assert!(found.total().relative() < 1e-6, "{}: {:e}", run.name, found.total().relative());
        pollster::block_on(async {
            let config = base.config.clone();
            let model = Box::pin(fixtures::load(base, config, &Device::flex())).await;
            let lora = load(&found.lora.to_peft(), &model).unwrap();
            let batch = model.batch(&[&ids], lora.as_ref());
            let hidden: Tensor<2> = model.hidden(&batch, None, lora.as_ref());
            let logits = values(model.logits(hidden, lora.as_ref())).await;
            assert_eq!(logits.len(), expected.len());
            let off = logits.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off <= 1e-4, "{}: off by {off}", run.name);
        });
        compared += 1;
    }
    assert_eq!(compared, NARROW.len());
}

#[test]
fn weights_are_read_from_either_format() {
    let adapter = file("training/tiny/llama-hira/start-padded-final");
    let mut gguf = open_gguf("models/llama-llama3/bf16.gguf");
    let mut hf = open_hf("models/llama-llama3");
    let [one, other] = [&mut gguf, &mut hf].map(|base| converted(base, &adapter, 3).unwrap());
    let (one, other) = (one.distances, other.distances);
    assert!(one.len() == other.len() && !one.is_empty());
    for ((module, one), (_, other)) in one.iter().zip(&other) {
        let off = (one.relative() - other.relative()).abs();
        assert!(one.relative() > 0.01 && off < 1e-6, "{}: off by {off:e}", module.hf());
    }
}

#[test]
fn embeddings_and_heads_are_weights_too() {
    let run = "qwen3-ends/start-padded-final";
    let mut base = open_gguf("models/qwen3-untied/q5_1.gguf");
    let found = converted(&mut base, &file(&format!("training/tiny/{run}")), 4).unwrap();
    for end in [Module::Embedding, Module::Head] {
        let (_, distance) = found.distances.iter().find(|(module, _)| *module == end).unwrap();
        assert!(distance.whole > 0.0 && distance.relative() < 1e-6, "{end:?}: {distance:?}");
        let pair = found.lora.pairs.iter().find(|pair| pair.module == end).unwrap();
        assert_eq!([pair.outputs, pair.inputs], end.shape(&base.config.sizes).unwrap());
    }
    let narrower = converted(&mut base, &file(&format!("training/tiny/{run}")), 2).unwrap();
    assert!(narrower.total().relative() > 0.01);
}

#[test]
fn what_is_no_change_of_weights_is_refused() {
    let refused = |base: &str, adapter: &str, rank: u64, kind: Kind, words: &str| {
        let mut base = open_gguf(&format!("models/{base}"));
        let adapter = file(&format!("training/tiny/{adapter}/start-padded-final"));
        let error = converted(&mut base, &adapter, rank).unwrap_err();
        let LoadError::File(error) = error else { panic!("{error}") };
        assert!(error.kind == kind && error.to_string().contains(words), "{error}");
    };
    let (llama, qwen) = ("llama-llama3/q4_0.gguf", "qwen2-tied/q5_0.gguf");
    refused(llama, "llama-prompt", 4, Kind::Unsupported, "have no place in the weights");
    refused(llama, "llama-ln", 4, Kind::Unsupported, "LN_TUNING, which changes `model.");
    refused(qwen, "qwen2-ia3", 4, Kind::Unsupported, "IA3, which changes `model.layers.0.self_attn.");
    refused(llama, "llama-loha", 0, Kind::Value, "`rank`");
    refused(llama, "llama-loha", 4096, Kind::Value, "`rank`");
    refused(qwen, "llama-loha", 4, Kind::Shape, "tensor `");
}

#[test]
fn a_conversion_can_be_stopped() {
    let mut base = open_gguf("models/llama-llama3/q4_0.gguf");
    let adapter = file("training/tiny/llama-loha/start-padded-final");
    let stop =
        &mut |done: u64, _: u64| if done < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    let ended = pollster::block_on(convert(&mut base, &adapter, 4, stop));
    assert!(matches!(ended, Err(LoadError::Cancelled)));
}
