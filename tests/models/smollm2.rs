//! SmolLM2-135M's real file against transformers on its dequantized weights.
//!
//! `cargo xtask fetch smollm2` gets the file and `cargo xtask conformance` runs these tests.

use crate::fixtures::{folder, load_gguf};
use serde_json::Value;
use smolder_models::Model;
use smolder_models::peft::Base;
use smolder_tests::{TestDevice, values};
use std::path::PathBuf;

fn file() -> PathBuf {
    std::env::var_os("SMOLDER_SMOLLM2").expect("SMOLDER_SMOLLM2 names SmolLM2's GGUF file").into()
}

fn reference() -> Value {
    let path = folder().join("smollm2/reference.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

async fn logits(model: &Model, ids: &[u32]) -> Vec<f32> {
    let batch = model.batch(&[ids], &Base);
    values(model.logits(model.hidden(&batch, None, &Base))).await
}

/// The five best tokens of each of 200 positions, the first of them in its place, and their logits.
async fn two_hundred_tokens(device: &TestDevice, tolerance: f32) {
    let model = load_gguf(&file(), &device.device);
    let (reference, mut worst) = (reference(), 0_f32);
    let text = ids(&reference["ids"]);
    let logits = logits(&model, &text).await;
    for (row, top) in logits.chunks(model.vocabulary()).zip(reference["top5"].as_array().unwrap()) {
        let (tokens, expected) = (ids(&top["ids"]), top["logits"].as_array().unwrap());
        let best = (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
        assert_eq!(best as u32, tokens[0]);
        for (token, expected) in tokens.iter().zip(expected) {
            worst = worst.max((row[*token as usize] - expected.as_f64().unwrap() as f32).abs());
        }
    }
    println!("largest error of a logit {worst:e}");
    assert!(worst <= tolerance, "off by {worst}");
}

#[test]
#[ignore = "needs SmolLM2's file: cargo xtask conformance"]
fn two_hundred_tokens_on_the_cpu() {
    pollster::block_on(two_hundred_tokens(&TestDevice::cpu(), 1e-4));
}

#[test]
#[ignore = "needs SmolLM2's file: cargo xtask conformance"]
fn two_hundred_tokens_on_the_gpu() {
    pollster::block_on(async { two_hundred_tokens(&TestDevice::gpu().await, 1e-3).await });
}
