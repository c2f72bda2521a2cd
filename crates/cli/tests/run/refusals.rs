//! Models and requests that cannot be used.

use crate::program::{Folder, fails, fixtures, json, model, run};
use serde_json::{Value, json};
use std::fs;

/// A copy of a model with some bytes exchanged for as many others.
fn changed(folder: &Folder, name: &str, from: &[u8], to: &[u8]) -> String {
    assert_eq!(from.len(), to.len());
    let mut bytes = fs::read(model("llama/f32.gguf")).unwrap();
    let found: Vec<usize> =
        (0..=bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!found.is_empty());
    for at in found {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    fs::write(folder.path(name), bytes).unwrap();
    folder.text(name)
}

/// A copy of a folder in Hugging Face's layout whose `config.json` says something else.
fn configured(folder: &Folder, base: &str, more: &Value) -> String {
    let (from, name) = (fixtures().join("models").join(base), format!("{base}-{}", folder.names().len()));
    fs::create_dir(folder.path(&name)).unwrap();
    for file in ["model.safetensors", "tokenizer.json"] {
        fs::copy(from.join(file), folder.path(&name).join(file)).unwrap();
    }
    let mut config = json(&from.join("config.json"));
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fs::write(folder.path(&name).join("config.json"), config.to_string()).unwrap();
    folder.text(&name)
}

/// What would be computed without a word as if it were a plain model of its family.
#[test]
fn models_that_want_more_than_their_family_are_named() {
    let folder = Folder::new("more");
    let refused = |base: &str, more: Value, words: &[&str]| {
        generate(&configured(&folder, base, &more), &[], words);
    };
    refused("llama", json!({"hidden_act": "gelu"}), &["`hidden_act`", "expected silu", "found gelu"]);
    refused("llama", json!({"head_dim": 520}), &["config.json: head width: expected at most 512, found 520"]);
    refused("gemma3", json!({"use_bidirectional_attention": true}), &["`use_bidirectional_attention`"]);
    refused("gemma3", json!({"attn_logit_softcapping": 2.0}), &["`attn_logit_softcapping`"]);
    refused("qwen3", json!({"layer_types": ["chunked_attention"]}), &["`layer_types`", "chunked_attention"]);
    let bytes = fs::read(model("qwen2/f16.gguf")).unwrap();
    let text = bytes.iter().map(|byte| char::from(*byte)).collect::<String>().replace("qwen2", "llama");
    fs::write(folder.path("biased.gguf"), text.chars().map(|c| c as u8).collect::<Vec<u8>>()).unwrap();
    generate(
        &folder.text("biased.gguf"),
        &[],
        &["blk.0.attn_", ".bias`: expected no more than the tensors of a llama model"],
    );
}

/// Stretched contexts: each way to say so is computed as its makers mean it, or refused with what to do.
#[test]
fn stretched_contexts_that_are_not_computed_are_named() {
    let folder = Folder::new("stretched");
    let scaled = |base: &str, scaling: Value, words: &[&str]| {
        generate(&configured(&folder, base, &json!({ "rope_scaling": scaling })), &[], words);
    };
    let expected =
        "expected none, linear, llama3 or yarn (others: take the model's file with its original context)";
    scaled("llama", json!({"rope_type": "dynamic", "factor": 2}), &["rope_type`", expected, "found dynamic"]);
    let longrope = json!({"type": "longrope", "short_factor": [1, 1], "long_factor": [2, 2]});
    scaled("phi3-partial", longrope, &[expected, "found longrope"]);
    let yarn = |more: Value| {
        let mut yarn = json!({"type": "yarn", "factor": 2, "original_max_position_embeddings": 64});
        yarn.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        yarn
    };
    scaled("qwen2", yarn(json!({"factor": -2})), &["`rope_scaling.factor`: expected a number above 0", "-2"]);
    scaled(
        "qwen2",
        yarn(json!({"factor": null})),
        &["`rope_scaling.factor`: expected a number above 0", "none"],
    );
    scaled("qwen2", yarn(json!({"mscale": 1})), &["`rope_scaling.mscale`: expected yarn without this"]);
    scaled("qwen2", yarn(json!({"truncate": false})), &["truncate`: expected true, found false"]);
    let mut bytes = fs::read(model("llama-linear/q4_1.gguf")).unwrap();
    let at = bytes.windows(6).position(|word| word == b"linear").unwrap();
    bytes[at..at + 6].copy_from_slice(b"stripe");
    fs::write(folder.path("stripe.gguf"), bytes).unwrap();
    generate(&folder.text("stripe.gguf"), &[], &["`rope.scaling.type`", expected, "found stripe"]);
}

fn generate(model: &str, more: &[&str], words: &[&str]) {
    fails(&[&["generate", "--model", model, "--device", "cpu", "--prompt", "one"][..], more].concat(), words);
}

#[test]
fn models_that_cannot_run_are_named() {
    let folder = Folder::new("models");
    let other = changed(&folder, "other.gguf", b"llama", b"other");
    generate(&other, &[], &["other.gguf: architecture: expected one of llama, ", "found other"]);
    let said = fails(&["generate", "--model", &other, "--device", "cpu", "--prompt", "one"], &[]).err;
    assert_eq!(said.matches(&other).count(), 1, "a file is named once: {said}");
    let missing = changed(&folder, "missing.gguf", b"blk.0.ffn_up.weight", b"blk.0.ffn_uq.weight");
    generate(&missing, &[], &["missing.gguf", "blk.0.ffn_up.weight"]);
    let bytes = fs::read(model("llama/f32.gguf")).unwrap();
    fs::write(folder.path("short.gguf"), &bytes[..bytes.len() / 2]).unwrap();
    let short = folder.text("short.gguf");
    generate(&short, &[], &[&format!("smolder: {short}: tensor `")]);
    let nan = f32::NAN.to_le_bytes();
    let weight: [u8; 4] = bytes[bytes.len() - 4..].try_into().unwrap();
    let nan = changed(&folder, "nan.gguf", &weight, &nan);
    generate(&nan, &[], &["nan.gguf: tensor", "expected a finite number, found infinity or NaN"]);
    generate(&model("llama/model.safetensors"), &[], &["expected", "GGUF"]);
    let none = fixtures().join("config.json").display().to_string();
    generate(&fixtures().to_string_lossy(), &[], &[&format!("smolder: {none}: expected this file, found")]);
    generate("/no/such.gguf", &[], &["/no/such.gguf does not exist"]);
}

#[test]
fn requests_that_make_no_sense_are_named() {
    let path = model("llama/f32.gguf");
    generate(&path, &["--temperature", "-1"], &["temperature: expected 0 or more, found -1"]);
    generate(&path, &["--top-p", "2"], &["top_p: expected 0 to 1, found 2"]);
    let long = "x ".repeat(100);
    generate(&path, &["--prompt", &long], &["prompt 2: expected at most 127 tokens, found 200"]);
    let empty = ["generate", "--model", &path, "--device", "cpu", "--prompt", ""];
    fails(&empty, &["prompt 1: expected at least one token, found none"]);
    let unknown = run(&["generate", "--model", &path, "--prompt", "x", "--device", "tpu"]);
    assert!(unknown.code == Some(2) && unknown.err.contains("[possible values: auto, gpu, cpu]"));
}
