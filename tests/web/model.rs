//! Models in the page's worker: in through a download or a file, onto a device, and out as text.

use crate::browser::Browser;
use crate::server::Mishap;
use crate::trainer::{Trainer, generate, import, load};
use serde_json::{Value, json};

const TINY: &[u8] = include_bytes!("../fixtures/models/llama-k/k.gguf");

/// The fixture's prompt and the text that transformers adds to it in 24 tokens, of one character each.
fn known() -> (Value, String) {
    let manifest: Value = serde_json::from_str(include_str!("../fixtures/models/manifest.json")).unwrap();
    let cases = manifest["cases"].as_array().unwrap();
    let prompt = cases.iter().find(|case| case["name"] == "llama-k-k").unwrap()["prompt"].clone();
    (json!({ "Text": prompt["text"] }), prompt["greedy_text"].as_str().unwrap()[..24].to_owned())
}

async fn answer(trainer: &Trainer<'_>, id: u64) -> String {
    let (prompt, expected) = known();
    trainer.tell(generate(id, &prompt, 24)).await;
    let mut text = String::new();
    while text.len() < expected.len() {
        text += trainer.hear("Model.Wrote.text").await.as_str().unwrap();
    }
    let written = trainer.hear("Model.Written").await;
    assert_eq!((&written["id"], &written["end"]), (&json!(id), &json!("MaxTokens")), "{written}");
    text
}

#[tokio::test]
async fn a_download_writes_the_same_text_on_every_device() {
    let browser = Browser::start().await;
    let trainer = Trainer::start(&browser).await;
    trainer.server.spoil("/fixture.gguf", Mishap::File(TINY));
    trainer.import("tiny.gguf").await;
    for (device, computes) in [("gpu", "Gpu"), ("cpu", "Cpu")] {
        trainer.tell(load("tiny.gguf", device)).await;
        let facts = trainer.hear("Model.Loaded").await;
        assert!(facts["device"].to_string().contains(computes), "{facts}");
        assert_eq!(answer(&trainer, 5).await, known().1, "{device}");
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test]
async fn what_a_person_drops_is_looked_at_and_the_worker_lives_on() {
    let browser = Browser::start().await;
    let trainer = Trainer::start(&browser).await;
    let attached = |name: &str| import(name, &json!("Attached"));
    trainer.tell_with(attached("page.gguf"), "new File(['<!doctype html><p>Sign in'], 'page.gguf')").await;
    let reason = trainer.hear("Storage.Refused.failure.File.reason").await;
    assert!(reason.as_str().unwrap().starts_with("page.gguf: expected a GGUF model"), "{reason}");
    trainer.server.spoil("/fixture.gguf", Mishap::File(TINY));
    let cut = "new File([window.whole.slice(0, 9000)], 'cut.gguf')";
    browser
        .script(
            "return fetch('fixture.gguf').then((answer) => answer.blob()).then((blob) => { whole = blob })",
        )
        .await;
    trainer.tell_with(attached("cut.gguf"), cut).await;
    trainer.hear("Storage.Imported").await;
    trainer.tell(load("cut.gguf", "cpu")).await;
    let reason = trainer.hear("Model.Refused.failure.Input.reason").await;
    assert!(reason.as_str().unwrap().starts_with("cut.gguf: "), "{reason}");
    trainer.import("tiny.gguf").await;
    trainer.tell(load("tiny.gguf", "cpu")).await;
    trainer.hear("Model.Loaded").await;
    assert_eq!(answer(&trainer, 6).await, known().1);
    browser.close().await;
}

#[tokio::test]
async fn a_cancel_arrives_while_the_model_writes() {
    let browser = Browser::start().await;
    let trainer = Trainer::start(&browser).await;
    trainer.server.spoil("/fixture.gguf", Mishap::File(TINY));
    trainer.import("tiny.gguf").await;
    trainer.tell(load("tiny.gguf", "cpu")).await;
    trainer.hear("Model.Loaded").await;
    trainer.tell(generate(1, &known().0, 400)).await;
    trainer.hear("Model.Wrote").await;
    trainer.tell(json!("Cancel")).await;
    let written = trainer.hear("Model.Written").await;
    assert_eq!(written["end"], json!("Cancelled"), "{written}");
    assert_eq!(answer(&trainer, 2).await, known().1);
    browser.close().await;
}

#[tokio::test]
async fn a_full_quota_is_told_and_leaves_nothing() {
    let browser = Browser::start().await;
    let trainer = Trainer::start(&browser).await;
    let origin = browser.script("return location.origin").await;
    let quota = json!({ "origin": origin, "quotaSize": 1_000_000 });
    browser.devtools("Storage.overrideQuotaForOrigin", quota).await;
    let command = import("large.gguf", &json!("Attached"));
    trainer.tell_with(command, "new File(['GGUF', new Uint8Array(5_000_000)], 'large.gguf')").await;
    trainer.hear("Storage.Refused.failure.Full").await;
    trainer.tell(json!({ "Storage": "List" })).await;
    let listed = trainer.hear("Storage.Listed").await;
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert!(!names.contains(&&json!("large.gguf")), "{listed}");
    browser.close().await;
}

#[tokio::test]
async fn a_lost_gpu_costs_the_model_and_not_the_worker() {
    let browser = Browser::start().await;
    let trainer = Trainer::start(&browser).await;
    trainer.server.spoil("/fixture.gguf", Mishap::File(TINY));
    trainer.import("tiny.gguf").await;
    trainer.tell(load("tiny.gguf", "gpu")).await;
    trainer.hear("Model.Loaded").await;
    trainer.tell(generate(1, &known().0, 400)).await;
    trainer.hear("Model.Wrote").await;
    browser.script("tell('lose')").await;
    let refused = trainer.hear("Model.Refused").await;
    assert!(refused["failure"]["Device"]["DeviceLost"].is_object(), "{refused}");
    assert_eq!(refused["still_loaded"], json!(false));
    trainer.tell(generate(2, &known().0, 4)).await;
    assert_eq!(trainer.hear("Model.Refused.failure").await, json!("NoModel"));
    trainer.tell(load("tiny.gguf", "gpu")).await;
    trainer.hear("Model.Loaded").await;
    assert_eq!(answer(&trainer, 3).await, known().1);
    browser.close().await;
}

/// By hand: SmolLM2's file through a tab's storage, `SMOLDER_SMOLLM2` naming it and `SMOLDER_DEVICE` what computes.
#[tokio::test]
#[ignore = "needs SmolLM2's file, and minutes"]
async fn smollm2_answers_in_a_tab() {
    let path = std::env::var("SMOLDER_SMOLLM2").expect("SMOLDER_SMOLLM2 names SmolLM2's GGUF file");
    let device = std::env::var("SMOLDER_DEVICE").unwrap_or_else(|_| "gpu".to_owned());
    let bytes = std::fs::read(path).expect("a readable file").leak();
    let browser = Browser::start().await;
    let trainer = Trainer::start(&browser).await;
    trainer.server.spoil("/fixture.gguf", Mishap::File(bytes));
    println!("memory before: {}", trainer.memory_bytes().await);
    let start = std::time::Instant::now();
    trainer.import("smollm2.gguf").await;
    println!("imported in {:?}, memory {}", start.elapsed(), trainer.memory_bytes().await);
    trainer.tell(load("smollm2.gguf", &device)).await;
    let facts = trainer.hear("Model.Loaded").await;
    let memory = trainer.memory_bytes().await;
    println!("{facts}, memory {memory}");
    assert!(device != "gpu" || memory < 200_000_000, "{memory} bytes");
    // Twice, since the first answer compiles shaders.
    for id in [1, 2] {
        let turns = json!([{ "role": "user", "content": "What is the capital of France?" }]);
        trainer.tell(generate(id, &json!({ "Chat": turns }), 8)).await;
        let mut text = String::new();
        let written = loop {
            let event = trainer.hear("Model").await;
            text += event["Wrote"]["text"].as_str().unwrap_or_default();
            assert!(event["Refused"].is_null(), "{event}");
            if event["Written"].is_object() {
                break event["Written"].clone();
            }
        };
        println!("{text:?} {written}, memory {}", trainer.memory_bytes().await);
        assert!(text.contains("Paris"), "{text}");
    }
    browser.close().await;
}

/// One batch: what it learns in a step shows in the next one's loss.
const TWO: &str = r#"{"prompt": "Who lives in the wood?", "completion": "The old wolf and seven ravens live there."}
{"prompt": "What did the king lose?", "completion": "He lost his crown in the well behind the castle."}
"#;

/// By hand, with the same variables: three steps of LoRA on SmolLM2, and what they take.
#[tokio::test]
#[ignore = "needs SmolLM2's file, and minutes"]
async fn smollm2_trains_three_steps_in_a_tab() {
    let path = std::env::var("SMOLDER_SMOLLM2").expect("SMOLDER_SMOLLM2 names SmolLM2's GGUF file");
    let device = std::env::var("SMOLDER_DEVICE").unwrap_or_else(|_| "gpu".to_owned());
    let bytes = std::fs::read(path).expect("a readable file").leak();
    let browser = Browser::start().await;
    let trainer = Trainer::start(&browser).await;
    trainer.server.spoil("/fixture.gguf", Mishap::File(bytes));
    trainer.import("smollm2.gguf").await;
    let mut wanted = import("two.jsonl", &json!("Attached"));
    wanted["Storage"]["Import"]["shelf"] = json!("Data");
    trainer.tell_with(wanted, &format!("new File([{}], 'two.jsonl')", json!(TWO))).await;
    trainer.hear("Storage.Imported").await;
    let config = json!({
        "model": "smollm2.gguf", "data": "two.jsonl", "out": "three", "device": device,
        "steps": 3, "batch_size": 2, "seq_len": 128, "lr": 1e-3, "shuffle": false,
    });
    let start = std::time::Instant::now();
    trainer.tell(json!({ "Train": { "Start": { "config": config, "resume": false } } })).await;
    let mut losses = Vec::new();
    loop {
        let event = trainer.hear("Train").await;
        println!("{:?}: {event}", start.elapsed());
        assert!(event["Failed"].is_null(), "{event}");
        losses.extend(event["Stepped"]["loss"].as_f64());
        if event["Finished"].is_object() {
            break;
        }
    }
    assert_eq!(losses.len(), 3);
    assert!(losses[2] < losses[1] && losses[1] < losses[0] && losses[0] < 6.0, "{losses:?}");
    browser.close().await;
}
