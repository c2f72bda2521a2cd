//! `smolder inspect` and `smolder data`: what a model is, and what training will see.

use crate::program::{Folder, fails, fixtures, model, prints, run};
use serde_json::Value;
use smolder_formats::Sha256Hash;
use std::fs;

/// SmolLM2's metadata, without its tensors.
fn smollm2() -> String {
    fixtures().join("formats/tokenizers/smollm2.gguf").to_str().unwrap().to_owned()
}

#[test]
fn a_report_for_people_and_one_for_programs() {
    let path = model("llama/f32.gguf");
    let text = prints(&["inspect", &path]);
    for words in [
        "architecture    llama",
        "licence         ",
        " × F32",
        "parameters      ",
        "tokenizer       ",
        "chat template   ",
        "memory          ",
        "of key-value cache",
    ] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    let report: Value = serde_json::from_str(&prints(&["inspect", &path, "--json"])).unwrap();
    let file = Sha256Hash::of(&fs::read(&path).unwrap()).to_string();
    assert_eq!((&report["sha256"][0], &report["model"]["architecture"]), (&file.into(), &"llama".into()));
    assert!(report["memory"]["weights"].as_u64() <= report["bytes"].as_u64());
    assert!(!prints(&["inspect", &path, "--no-hash"]).contains("\nsha256 "));
    fails(&["inspect", &smollm2()], &["smollm2.gguf: tensor `token_embd.weight`"]);
}

/// The ids are transformers' string through `tokenizers`.
#[test]
fn rows_are_dumped_as_training_sees_them() {
    let folder = Folder::new("data");
    let (data, dump) = (folder.text("rows.csv"), folder.text("rows.jsonl"));
    fs::write(&data, "\u{feff}question,answer\r\nOne and one?,Two.\r\nNothing,\r\n").unwrap();
    let map = ["--map", "question=prompt", "--map", "answer=completion"];
    let more = ["--preview", "1", "--dump", &dump];
    let text = prints(&[&["data", &data, "--model", &smollm2()][..], &map, &more].concat());
    assert!(text.contains("line 2: 38 tokens, 3 learned\n<|im_start|>|system|⏎|\n"), "{text}");
    assert!(text.contains("[Two][.][<|im_end|>]⏎|\n"), "{text}");
    for words in [
        "format          prompt and completion",
        "rows kept       1\nrows dropped    1\n  1 × `completion`: expected a text (first: line 3: an empty one)",
        "missing EOS     0",
        "longest row     38 tokens",
    ] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    let row: Value = serde_json::from_str(fs::read_to_string(&dump).unwrap().trim_end()).unwrap();
    let ids = [
        1, 9690, 198, 2683, 359, 253, 5356, 5646, 11173, 3365, 3511, 308, 34519, 28, 7018, 411, 407, 19712,
        8182, 2, 198, 1, 4093, 198, 2705, 284, 582, 47, 2, 198, 1, 520, 9531, 198, 10345, 30, 2, 198,
    ];
    let mask = [vec![0; 34], vec![1, 1, 1, 0]].concat();
    assert_eq!(row, serde_json::json!({"ids": ids.as_slice(), "mask": mask}));
}

#[test]
fn a_preview_shows_both_sides_of_a_pair() {
    let folder = Folder::new("pairs");
    let data = folder.text("pairs.jsonl");
    fs::write(&data, r#"{"prompt":"a","chosen":"yes","rejected":"no"}"#).unwrap();
    let text = prints(&["data", &data, "--model", &smollm2(), "--preview", "1"]);
    assert!(text.contains("line 1, chosen: ") && text.contains("[yes][<|im_end|>]"), "{text}");
    assert!(text.contains("line 1, rejected: ") && text.contains("[no][<|im_end|>]"), "{text}");
}

#[test]
fn a_folder_reads_like_a_file() {
    let folder = Folder::new("folders");
    let data = folder.text("rows.jsonl");
    fs::write(&data, r#"{"text":"one two"}"#).unwrap();
    let ended = run(&["data", &data, "--model", &model("llama")]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("the built-in ChatML is used"), "{ended:?}");
}

#[test]
fn columns_that_say_nothing_are_to_be_mapped() {
    let folder = Folder::new("columns");
    let data = folder.text("rows.jsonl");
    fs::write(&data, r#"{"question":"a","answer":"b"}"#).unwrap();
    fails(
        &["data", &data, "--model", &smollm2()],
        &["rows.jsonl: columns: ", "found question, answer", "--map question=prompt"],
    );
}
