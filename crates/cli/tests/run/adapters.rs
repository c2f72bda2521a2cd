//! Adapters in every form, and those of other models.

use crate::program::{Folder, assert_logits, command, fails, fixtures, json, listed, model, prints};
use smolder_formats::adapter::{BaseIdentity, Heads, LoraAdapter, PeftAdapter, write_gguf};
use smolder_formats::{Sha256Hash, Source};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const RUN: &str = "llama-lora/start-padded";
/// LoRA on embedding and head: one table, two tables, one table with scaled embeddings and capped logits.
pub const ENDS: [&str; 3] =
    ["llama-ends/start-padded", "qwen3-ends/start-padded", "gemma3-ends/start-padded"];

fn tiny() -> PathBuf {
    fixtures().join("training/tiny")
}

/// Model, ids and adapter of a run that PEFT made, and the logits that it computes then.
pub fn trained(name: &str) -> (String, String, PathBuf) {
    let runs = json(&tiny().join("runs.json"));
    let run = runs.as_array().unwrap().iter().find(|run| run["name"] == name).unwrap();
    let folder = tiny().join(run["final"].as_str().unwrap());
    (model(run["model"].as_str().unwrap()), listed(&run["ids"]), folder)
}

pub fn peft(folder: &Path) -> PeftAdapter {
    let weights = folder.join("adapter_model.safetensors");
    let source = Source::new("adapter", File::open(weights).unwrap()).unwrap();
    let config = fs::read(folder.join("adapter_config.json")).unwrap();
    PeftAdapter::read(source, Some(&config)).unwrap()
}

/// Lets an adapter change a run's model, and compares with what PEFT computes.
fn check(run: &str, adapter: &Path, more: &[&str]) {
    let (model, ids, folder) = trained(run);
    let out = Folder::new(&format!("{}-{}", run.replace('/', "-"), adapter.file_name().unwrap().display()));
    let (file, adapter) = (out.text("out"), adapter.to_str().unwrap());
    let base = ["logits", "--model", &model, "--adapter", adapter, "--ids", &ids, "--device", "cpu"];
    prints(&[&base[..], &["--out", &file], more].concat());
    assert_logits(&out.path("out"), &folder.join("logits.safetensors"), 1e-4);
}

#[test]
fn folders_of_peft_change_what_a_model_computes() {
    let runs = [RUN, "llama-prompt/start-padded", "qwen2-lora/start-padded", "qwen2-prompt/start-padded"];
    for run in runs.into_iter().chain(ENDS) {
        check(run, &trained(run).2, &[]);
    }
}

#[test]
fn so_do_single_files() {
    let (folder, adapter) = (Folder::new("single"), peft(&trained(RUN).2));
    let (single, gguf) = (folder.path("mine.safetensors"), folder.path("mine.gguf"));
    adapter.write_weights(File::create(&single).unwrap()).unwrap();
    // The config of something else.
    fs::write(folder.path("adapter_config.json"), "{}").unwrap();
    check(RUN, &single, &[]);
    let config = json(&fixtures().join("models/llama-llama3/config.json"));
    let heads = |key: &str| config[key].as_u64().unwrap();
    let heads = Heads { queries: heads("num_attention_heads"), keys: heads("num_key_value_heads") };
    let lora = LoraAdapter::from_peft(adapter).unwrap();
    write_gguf(&lora, "llama", heads, File::create(&gguf).unwrap()).unwrap();
    check(RUN, &gguf, &[]);
}

#[test]
fn keys_that_mean_nothing_are_told() {
    let (folder, mut adapter) = (Folder::new("keys"), peft(&trained(RUN).2));
    adapter.config.raw.insert("use_newest_trick".into(), true.into());
    let path = folder.path("keys.safetensors");
    adapter.write_weights(File::create(&path).unwrap()).unwrap();
    let (from, to) = (path.to_str().unwrap(), folder.text("out"));
    let ended = command(&["export", "--adapter", from, "--to", "mlx", "--out", &to]).output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && told.contains("passed over: use_newest_trick\n"), "{told}");
}

#[test]
fn a_config_that_contradicts_itself_is_refused_by_its_file() {
    let (folder, mut adapter) = (Folder::new("contradicting"), peft(&trained(RUN).2));
    adapter.config.raw.insert("rank_pattern".into(), serde_json::json!({"q_proj": "x"}));
    let path = folder.path("pattern.safetensors");
    adapter.write_weights(File::create(&path).unwrap()).unwrap();
    let (from, to) = (path.to_str().unwrap(), folder.text("out"));
    let words = [from, "`rank_pattern`", "found \"x\""];
    fails(&["export", "--adapter", from, "--to", "mlx", "--out", &to], &words);
    let base = model("llama-llama3/q4_0.gguf");
    fails(&["generate", "--model", &base, "--device", "cpu", "--prompt", "x", "--adapter", from], &words);
}

#[test]
fn an_adapter_that_does_nothing_is_told() {
    let (folder, mut adapter) = (Folder::new("idle"), peft(&trained(RUN).2));
    let arguments = |path: &str| {
        let base = model("llama-llama3/q4_0.gguf");
        let given = ["generate", "--model", &base, "--device", "cpu", "--prompt", "x", "--max-tokens", "1"];
        command(&[&given[..], &["--adapter", path]].concat()).output().unwrap()
    };
    let said = |adapter: &PeftAdapter, name: &str| {
        adapter.write_weights(File::create(folder.path(name)).unwrap()).unwrap();
        String::from_utf8_lossy(&arguments(&folder.text(name)).stderr).contains("changes nothing")
    };
    assert!(!said(&adapter, "trained.safetensors"));
    let b = adapter.tensors.iter_mut().filter(|one| one.part.starts_with("lora_B"));
    b.for_each(|one| one.values.fill(0.0));
    assert!(said(&adapter, "idle.safetensors"));
}

#[test]
fn another_models_adapter_is_refused_unless_forced() {
    let (folder, mut adapter) = (Folder::new("other"), peft(&trained(RUN).2));
    let none = Sha256Hash::of(b"another file");
    adapter.base = Some(BaseIdentity::new("another model", none, none, none, none));
    let path = folder.path("other.safetensors");
    adapter.write_weights(File::create(&path).unwrap()).unwrap();
    let (base, text) = (model("llama-llama3/q4_0.gguf"), path.to_str().unwrap());
    let arguments = ["generate", "--model", &base, "--device", "cpu", "--prompt", "x", "--adapter", text];
    fails(&arguments, &[text, "trained on another model", "--force", &none.to_string()]);
    check(RUN, &path, &["--force"]);
    let warned = command(&[&arguments[..], &["--force", "--max-tokens", "1"]].concat()).output().unwrap();
    assert!(String::from_utf8_lossy(&warned.stderr).contains("Careful: the adapter was trained on another"));
    let shaped = model("qwen2-tied/q5_0.gguf");
    let arguments =
        ["generate", "--model", &shaped, "--device", "cpu", "--prompt", "x", "--adapter", text, "--force"];
    fails(&arguments, &["as in the base model"]);
}

/// A pickle can run programs when it is read.
#[test]
fn an_adapter_in_a_pickle_is_refused_with_what_to_do() {
    let folder = Folder::new("pickle");
    fs::create_dir(folder.path("saved")).unwrap();
    fs::write(folder.path("saved/adapter_model.bin"), b"PK\x03\x04").unwrap();
    let (saved, out) = (folder.text("saved"), folder.text("out"));
    let words = [saved.as_str(), "adapter_model.bin, a Python pickle", "safe_serialization=True"];
    fails(&["export", "--adapter", &saved, "--to", "mlx", "--out", &out], &words);
}

#[test]
fn what_is_no_adapter_is_refused() {
    let base = model("llama/f32.gguf");
    let with = |adapter: &str, words: &[&str]| {
        fails(
            &["generate", "--model", &base, "--device", "cpu", "--prompt", "x", "--adapter", adapter],
            words,
        );
    };
    with(&model("llama"), &["adapter_model.safetensors cannot be opened"]);
    with(&base, &["general.type", "expected adapter"]);
    with(&model("llama/model.safetensors"), &["adapter_config.json"]);
    with("/no/such/adapter", &["/no/such/adapter cannot be opened"]);
    fails(
        &["generate", "--model", &base, "--device", "cpu", "--prompt", "x", "--adapter", &other()],
        &["`peft_type`", "BEFT"],
    );
}

/// Of a method that is not here.
fn other() -> String {
    fixtures().join("formats/peft/beft").to_str().unwrap().to_owned()
}
