//! What `smolder logits` writes.

use crate::program::{Folder, assert_logits, case, fails, listed, model, prints};
use std::fs;

/// The numbers of transformers, in a file of their own and nothing beside it.
fn writes(name: &str, device: &str, tolerance: f32) {
    let case = case(name);
    let path = model(case["gguf"].as_str().or(case["hf"].as_str()).unwrap());
    let folder = Folder::new(name);
    let out = folder.text("out.safetensors");
    fs::write(&out, "what was there before").unwrap();
    let ids = listed(&case["ids"]);
    let said = prints(&["logits", "--model", &path, "--ids", &ids, "--device", device, "--out", &out]);
    assert_eq!(said, "");
    assert_logits(
        &folder.path("out.safetensors"),
        model(case["logits"].as_str().unwrap()).as_ref(),
        tolerance,
    );
    assert_eq!(folder.names(), ["out.safetensors"]);
}

#[test]
fn they_are_those_of_transformers() {
    writes("gemma3-cap-hf", "cpu", 1e-4);
    writes("llama-k-k", "cpu", 1e-4);
}

mod gpu {
    #[test]
    fn they_are_those_of_transformers() {
        super::writes("qwen3-q8_0", "gpu", 1e-3);
    }
}

#[test]
fn a_failure_leaves_nothing_behind() {
    let folder = Folder::new("failure");
    let (path, out) = (model("llama/f32.gguf"), folder.text("out.safetensors"));
    let base = ["logits", "--model", &path, "--device", "cpu", "--out"];
    fails(&[&base[..], &[&out, "--ids", "1,2,131"]].concat(), &["expected ids below 131, found 131"]);
    let many = vec!["1"; 129].join(",");
    fails(&[&base[..], &[&out, "--ids", &many]].concat(), &["expected at most 128 tokens, found 129"]);
    assert_eq!(folder.names(), [""; 0]);
    let nowhere = folder.text("nowhere/out.safetensors");
    fails(&[&base[..], &[&nowhere, "--ids", "1"]].concat(), &[&nowhere, "cannot be written"]);
    prints(&[&base[..], &[&out, "--ids", &vec!["1"; 128].join(",")]].concat());
}
