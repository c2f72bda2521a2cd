//! Models and requests that cannot be used.

use crate::program::{Folder, fails, fixtures, model, run};
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

fn generate(model: &str, more: &[&str], words: &[&str]) {
    fails(&[&["generate", "--model", model, "--device", "cpu", "--prompt", "one"][..], more].concat(), words);
}

#[test]
fn models_that_cannot_run_are_named() {
    let folder = Folder::new("models");
    let other = changed(&folder, "other.gguf", b"llama", b"other");
    generate(&other, &[], &["other.gguf: architecture: expected one of llama, ", "found other"]);
    let missing = changed(&folder, "missing.gguf", b"blk.0.ffn_up.weight", b"blk.0.ffn_uq.weight");
    generate(&missing, &[], &["missing.gguf", "blk.0.ffn_up.weight"]);
    let bytes = fs::read(model("llama/f32.gguf")).unwrap();
    fs::write(folder.path("short.gguf"), &bytes[..bytes.len() / 2]).unwrap();
    generate(&folder.text("short.gguf"), &[], &["short.gguf"]);
    let nan = f32::NAN.to_le_bytes();
    let weight: [u8; 4] = bytes[bytes.len() - 4..].try_into().unwrap();
    let nan = changed(&folder, "nan.gguf", &weight, &nan);
    generate(&nan, &[], &["nan.gguf: tensor", "expected a finite number, found infinity or NaN"]);
    generate(&model("llama/model.safetensors"), &[], &["expected", "GGUF"]);
    generate(&fixtures().to_string_lossy(), &[], &["fixtures", "config.json"]);
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
