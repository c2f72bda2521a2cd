//! What comes with the program, by its names; and a model made from a text.

use crate::program::{Folder, command, fails, prints};
use serde_json::Value;
use std::fs;

#[test]
fn names_stand_for_what_comes_with_the_program() {
    let cache = Folder::new("bundled");
    for (name, rows) in
        [("tale-style", 120), ("moods", 120), ("instructions-en", 84), ("instructions-zh", 84)]
    {
        let arguments = ["data", name, "--model", "tales", "--seq-len", "256", "--json"];
        let output = command(&arguments).env("SMOLDER_CACHE", cache.path("")).output().unwrap();
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&found["audit"]["kept"], &found["audit"]["truncated"]),
            (&rows.into(), &0.into()),
            "{name}"
        );
    }
    // A file of that name goes before, and data is no model.
    let own = cache.path("moods");
    fs::write(&own, r#"{"text": "mine"}"#).unwrap();
    let output =
        command(&["data", "moods", "--model", "tales", "--json"]).current_dir(cache.path("")).output();
    let found: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    assert_eq!(found["audit"]["kept"], 1);
    fails(&["inspect", "moods"], &["moods is neither a file nor a known model", "tales"]);
}

const TEXT: &str = "The king ran home. Then it was night. The fox ate bread. Was he glad? He was.\n";

#[test]
fn a_text_becomes_a_model() {
    let folder = Folder::new("pretrain");
    let (text, model) = (folder.text("text.txt"), folder.text("made.gguf"));
    fs::write(&text, vec![TEXT.repeat(9); 8].join("<|endoftext|>")).unwrap();
    let sizes = ["--width", "32", "--heads", "1", "--layers", "1", "--feed-forward", "64", "--context", "24"];
    let steps = ["--vocabulary", "300", "--steps", "3", "--batch-tokens", "48", "--held-out", "0.2"];
    let base = ["pretrain", "--data", &text, "--out", &model];
    let said = prints(&[&base[..], &sizes, &steps, &["--licence", "cc0-1.0"]].concat());
    assert!(said.contains("nats a token on held-out text"), "{said}");
    let about = prints(&["inspect", &model]);
    assert!(about.contains("made") && about.contains("cc0-1.0"), "{about}");
    let more = ["--prompt", "The", "--max-tokens", "4", "--device", "cpu"];
    prints(&[&["generate", "--model", &model][..], &more].concat());
    fs::remove_file(&model).unwrap();
    let narrow =
        ["--width", "24", "--heads", "1", "--layers", "1", "--feed-forward", "64", "--context", "24"];
    fails(&[&base[..], &narrow, &steps].concat(), &["Q8_0 blocks of 32"]);
    fs::write(&text, TEXT).unwrap();
    fails(&[&base[..], &sizes, &steps].concat(), &["expected at least 25 tokens to train"]);
    assert_eq!(folder.names(), ["text.txt"]);
}
