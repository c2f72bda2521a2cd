//! What is read is never written over.

use crate::adapters::trained;
use crate::program::{Folder, fails, fixtures, prints};
use std::fs;
use std::path::Path;

/// A copy of a model and of an adapter for it.
fn copies(name: &str) -> (Folder, String, String) {
    let folder = Folder::new(name);
    let (model, _, adapter) = trained("llama-lora/start-padded");
    fs::copy(model, folder.path("base.gguf")).unwrap();
    fs::create_dir(folder.path("adapter")).unwrap();
    for name in ["adapter_model.safetensors", "adapter_config.json"] {
        fs::copy(adapter.join(name), folder.path("adapter").join(name)).unwrap();
    }
    let (base, adapter) = (folder.text("base.gguf"), folder.text("adapter"));
    (folder, base, adapter)
}

fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(contents(&entry.path()));
        } else {
            found.push((entry.path().display().to_string(), fs::read(entry.path()).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn neither_model_nor_adapter_is_written_over() {
    let (folder, base, adapter) = copies("spared");
    let before = contents(&folder.path(""));
    let roundabout = folder.text("adapter/../base.gguf");
    let refused = |arguments: &[&str]| drop(fails(arguments, &["is read: choose another name"]));
    for out in [&base, &roundabout] {
        refused(&["merge", "--model", &base, "--adapter", &adapter, "--out", out, "--no-loss"]);
        refused(&["logits", "--model", &base, "--ids", "1,2", "--device", "cpu", "--out", out]);
        refused(&["export", "--model", &base, "--adapter", &adapter, "--to", "gguf", "--out", out]);
    }
    let weights = folder.text("adapter/adapter_model.safetensors");
    refused(&["logits", "--model", &base, "--adapter", &adapter, "--ids", "1", "--out", &weights]);
    refused(&["export", "--adapter", &adapter, "--to", "peft", "--out", &adapter]);
    refused(&["export", "--model", &base, "--adapter", &adapter, "--to", "mlx", "--out", &adapter]);
    assert_eq!(contents(&folder.path("")), before);
    let merged = folder.text("adapter/merged.gguf");
    for _ in 0..2 {
        prints(&["merge", "--model", &base, "--adapter", &adapter, "--out", &merged, "--no-loss"]);
    }
}

#[test]
fn a_log_replaces_nothing_but_a_log() {
    let (folder, base, _) = copies("spared-log");
    let (data, log, out) = (folder.text("rows.jsonl"), folder.text("log.jsonl"), folder.text("out"));
    fs::copy(fixtures().join("training/tiny/rows.jsonl"), folder.path("rows.jsonl")).unwrap();
    let before = contents(&folder.path(""));
    let train = |log| {
        let usual = ["train", "--raw", "--device", "cpu", "--model", &base, "--data", &data, "--out", &out];
        [&usual[..], &["--steps", "1", "--batch-size", "2", "--seq-len", "48", "--log-json", log]].concat()
    };
    for file in [&data, &base] {
        fails(&train(file), &["is there already, and is no log"]);
    }
    assert_eq!(contents(&folder.path("")), before);
    prints(&train(&log));
    let first = fs::read_to_string(&log).unwrap();
    fs::remove_dir_all(&out).unwrap();
    prints(&train(&log));
    assert!(first.starts_with("{\"step\":1,") && fs::read_to_string(&log).unwrap().lines().count() == 1);
}
