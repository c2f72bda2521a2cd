//! `smolder convert` and `smolder combine`: other adapters as LoRA, and what is refused.

use crate::adapters::{peft, trained};
use crate::program::{Folder, assert_logits, command, fails, fixtures, prints};
use std::fs;
use std::path::Path;

const LOHA: &str = "llama-loha/start-padded";
const LORA: &str = "llama-lora/start-padded";

/// Compares what a run's model computes with another adapter with what PEFT computes with the run's.
fn computes(run: &str, adapter: &str, folder: &Folder) {
    let (model, ids, expected) = trained(run);
    let out = folder.text("logits");
    let base = ["logits", "--model", &model, "--ids", &ids, "--device", "cpu", "--out", &out];
    prints(&[&base[..], &["--adapter", adapter]].concat());
    assert_logits(Path::new(&out), &expected.join("logits.safetensors"), 1e-4);
}

/// A LoRA of two adapters of one run, which together count as one.
fn halves(run: &str, folder: &Folder, how: &str) -> String {
    let (model, _, adapter) = trained(run);
    let (adapter, out) = (adapter.to_str().unwrap(), folder.text("combined"));
    let (less, more) = (format!("{adapter}:0.25"), format!("{adapter}:0.75"));
    let base = ["combine", "--model", &model, "--how", how, "--out", &out];
    let said = prints(&[&base[..], &["--adapter", &less, "--adapter", &more]].concat());
    assert!(said.starts_with(&format!("{out}: a LoRA of rank ")), "{said}");
    out
}

#[test]
fn a_converted_adapter_computes_the_same_and_goes_everywhere() {
    let ((model, _, adapter), folder) = (trained(LOHA), Folder::new("convert"));
    let (adapter, out) = (adapter.to_str().unwrap(), folder.text("lora"));
    let base = ["convert", "--model", &model, "--adapter", adapter, "--out", &out];
    // Three ranks multiplied with three others.
    let said = prints(&[&base[..], &["--rank", "9"]].concat());
    assert!(said.starts_with(&format!("{out}: a LoRA of rank 9; relative error ")), "{said}");
    computes(LOHA, &out, &folder);
    let card = fs::read_to_string(folder.path("lora/README.md")).unwrap();
    assert!(
        card.contains("of the method LOHA") && card.contains("| model.layers.0.mlp.down_proj | "),
        "{card}"
    );
    assert_eq!(peft(&folder.path("lora")).config.method, "LORA");
    let (gguf, mlx) = (folder.text("lora.gguf"), folder.text("mlx"));
    prints(&["export", "--adapter", &out, "--to", "gguf", "--model", &model, "--out", &gguf]);
    prints(&["export", "--adapter", &out, "--to", "mlx", "--out", &mlx]);
    computes(LOHA, &gguf, &folder);
    assert!(folder.path("mlx/adapters.safetensors").is_file());
}

#[test]
fn what_a_low_rank_loses_is_told() {
    let ((model, _, adapter), folder) = (trained(LOHA), Folder::new("convert-low"));
    let (adapter, out) = (adapter.to_str().unwrap(), folder.text("lora"));
    let arguments = ["convert", "--model", &model, "--adapter", adapter, "--out", &out, "--rank", "1"];
    let ended = command(&arguments).output().unwrap();
    let [said, careful] = [ended.stdout, ended.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    let error = said.split("relative error ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(error.parse::<f64>().unwrap() > 0.1, "{said}");
    assert!(ended.status.success() && careful.contains("Careful: much of the change is lost"), "{careful}");
    let card = fs::read_to_string(folder.path("lora/README.md")).unwrap();
    assert!(card.contains(&format!("relative error {error} in all")), "{card}");
}

#[test]
fn parts_of_an_adapter_together_compute_what_it_computes() {
    for how in ["cat", "svd"] {
        let folder = Folder::new(&format!("combine-{how}"));
        computes(LORA, &halves(LORA, &folder, how), &folder);
    }
}

#[test]
fn mixed_matrices_count_the_roots_of_weights() {
    let folder = Folder::new("combine-linear");
    let whole = peft(&trained(LORA).2);
    let halves = peft(Path::new(&halves(LORA, &folder, "linear")));
    // The run's scale is 2, which A and B share.
    let factor = (0.25_f32.sqrt() + 0.75_f32.sqrt()) * 2.0_f32.sqrt();
    for tensor in &whole.tensors {
        let found = halves.tensors.iter().find(|one| one.key() == tensor.key()).unwrap();
        let near = |(a, b): (&f32, &f32)| (a - factor * b).abs() <= 1e-5 * (1.0 + b.abs());
        assert!(found.values.iter().zip(&tensor.values).all(near), "{}", tensor.key());
    }
}

#[test]
fn weights_are_found_that_lower_the_loss_on_examples() {
    let ((model, _, other), folder) = (trained(LORA), Folder::new("combine-lorahub"));
    let rows = fixtures().join("training/tiny/rows.jsonl");
    let (rows, other) = (rows.to_str().unwrap(), other.to_str().unwrap());
    let (learned, out) = (folder.text("learned"), folder.text("hub"));
    let data = ["--model", &model, "--data", rows, "--raw", "--device", "cpu"];
    prints(&[&["train"][..], &data[..], &["--steps", "20", "--lr", "0.003", "--out", &learned]].concat());
    let hub = ["combine", "--how", "lorahub", "--adapter", other, "--adapter", &learned, "--out", &out];
    prints(&[&hub[..], &data, &["--trials", "12", "--seed", "3"]].concat());
    let loss = |more: &[&str]| -> f64 {
        let said = prints(&[&["eval"][..], &data[..], &["--json"], more].concat());
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        said["loss"].as_f64().unwrap()
    };
    let (without, with) = (loss(&[]), loss(&["--adapter", &out]));
    assert!(with < without - 0.05, "{with} with, {without} without");
    let card = fs::read_to_string(folder.path("hub/README.md")).unwrap();
    assert!(card.contains("by lorahub"), "{card}");
}

#[test]
fn lorahub_without_examples_or_with_weights_is_refused() {
    let ((model, _, adapter), folder) = (trained(LORA), Folder::new("combine-lorahub-refused"));
    let (adapter, out) = (adapter.to_str().unwrap(), folder.text("hub"));
    let base = ["combine", "--model", &model, "--out", &out];
    let weighted = format!("{adapter}:0.5");
    fails(&[&base[..], &["--adapter", adapter, "--how", "lorahub"]].concat(), &["needs --data"]);
    fails(
        &[&base[..], &["--adapter", &weighted, "--how", "lorahub", "--data", "x"]].concat(),
        &["finds the weights"],
    );
    fails(&[&base[..], &["--adapter", adapter, "--how", "cat", "--data", "x"]].concat(), &["--data is for"]);
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[test]
fn what_cannot_become_a_lora_leaves_nothing() {
    let folder = Folder::new("convert-refused");
    let out = folder.text("out");
    let refused = |command: &str, run: &str, more: &[&str], words: &[&str]| {
        let (model, _, adapter) = trained(run);
        let adapter = adapter.to_str().unwrap();
        let base = [command, "--model", &model, "--adapter", adapter, "--out", &out];
        fails(&[&base[..], more].concat(), words);
        assert!(folder.names().is_empty(), "{:?}", folder.names());
    };
    let rank = ["--rank", "4"];
    refused("convert", "llama-prompt/start-padded", &rank, &["PROMPT_TUNING: virtual tokens"]);
    refused("convert", "qwen2-ia3/start-padded", &rank, &["IA3, which changes", "_proj.bias"]);
    refused("convert", LOHA, &["--rank", "100000"], &["`rank`", "found 100000"]);
    refused("combine", LOHA, &["--how", "cat"], &["`peft_type`", "LOHA"]);
    refused("combine", LORA, &["--how", "ties"], &["`density`"]);
    let other = fixtures().join("training/tiny/qwen2-lora/start-padded-final");
    let other = other.to_str().unwrap();
    refused("combine", LORA, &["--how", "cat", "--adapter", other], &["as in the base model"]);
    refused("combine", LORA, &["--how", "cat", "--adapter", "/no/such"], &["/no/such"]);
}
