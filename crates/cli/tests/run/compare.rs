//! `smolder compare`.

use crate::program::{Folder, fails, fixtures, model, run};
use serde_json::Value;

/// Arguments of a comparison of two steps each.
fn arguments<'a>(model: &'a str, rows: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let usual = [
        "compare",
        "--raw",
        "--device",
        "cpu",
        "--model",
        model,
        "--data",
        rows,
        "--out",
        out,
        "--steps",
        "2",
        "--batch-size",
        "2",
        "--seq-len",
        "48",
        "--answers",
        "3",
        "--json",
    ];
    [&usual[..], more].concat()
}

#[test]
fn each_method_is_trained_at_its_defaults_and_those_that_do_not_fit_say_why() {
    let folder = Folder::new("compare");
    let (model, out) = (model("llama-llama3/q4_0.gguf"), folder.text("out"));
    let rows = fixtures().join("training/tiny/rows.jsonl").to_str().unwrap().to_owned();
    let ended = run(&arguments(&model, &rows, &out, &["--methods", "bitfit,lora,ia3"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let table: Value = serde_json::from_str(&ended.out).unwrap();
    let named = |name: &str| table.as_array().unwrap().iter().find(|row| row["method"] == name).unwrap();
    let base = named("base");
    assert_eq!((&base["loss"], &base["parameters"]), (&named("ia3")["before"], &Value::from(0)));
    for name in ["lora", "ia3"] {
        let row = named(name);
        assert!(row["right"].as_u64() <= row["answered"].as_u64() && row["answered"].is_u64(), "{row}");
        assert_eq!(row["train_losses"].as_array().unwrap().len(), 2, "{row}");
        assert!(row["loss"].as_f64() <= row["before"].as_f64() && row["loss"].is_number(), "{row}");
        let weights = folder.path("out").join(name).join("adapter_model.safetensors");
        assert_eq!(row["file_bytes"].as_u64(), Some(weights.metadata().unwrap().len()));
    }
    assert!(named("lora")["parameters"].as_u64() > named("ia3")["parameters"].as_u64());
    assert_eq!(named("lora")["before"], named("ia3")["before"], "both begin as the base");
    assert!(named("bitfit")["refused"].as_str().unwrap().contains("bias"), "{table}");
    assert_eq!(table[3]["method"], "bitfit", "what was refused comes last");
    fails(&arguments(&model, &rows, &out, &["--methods", "ia3"]), &["ia3", "is there already", "--out"]);
}

#[test]
fn what_is_not_compared_is_refused_before_anything_is_trained() {
    let folder = Folder::new("compare-refused");
    let (model, out) = (model("llama-llama3/q4_0.gguf"), folder.text("out"));
    let rows = fixtures().join("training/tiny/rows.jsonl").to_str().unwrap().to_owned();
    let refused = |more: &[&str], words: &[&str]| drop(fails(&arguments(&model, &rows, &out, more), words));
    refused(&["--methods", "lora,nonsense"], &["nonsense", "lora, lora-plus"]);
    refused(&["--rank", "4"], &["its own defaults"]);
    refused(&["--resume"], &["from their start"]);
    refused(&["--adapter", "there"], &["--adapter"]);
    assert_eq!(folder.names(), [""; 0]);
}
