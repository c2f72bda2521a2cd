//! SmolLM2-135M's real file against transformers on its dequantized weights.
//!
//! `cargo xtask conformance` gets the file and runs these tests.

use serde_json::Value;
use smolder_models::Model;
use smolder_models::peft::Base;
use smolder_tests::fixtures::bytes;
use smolder_tests::smollm2::{load, verdict};
use smolder_tests::{TestDevice, values};

fn reference() -> Value {
    serde_json::from_slice(&bytes("models/smollm2/reference.json")).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

async fn logits(model: &Model, ids: &[u32]) -> Vec<f32> {
    let batch = model.batch(&[ids], &Base);
    values(model.logits(model.hidden(&batch, None, &Base), &Base)).await
}

/// The five best tokens of each of 200 positions, the first of them in its place, and their logits.
async fn two_hundred_tokens(device: &TestDevice, tolerance: f64) {
    let model = load(&device.device).await;
    println!("loaded: {:?}", device.device.memory_pool_usage());
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
    println!("then: {:?} {:?}", device.device.memory_pool_usage(), device.device.memory_pool_report());
    let name = format!("smollm2, {} tokens", text.len());
    assert!(verdict(&name, "logits", worst.into(), tolerance), "off by {worst}");
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
