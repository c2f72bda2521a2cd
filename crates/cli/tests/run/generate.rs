//! What `smolder generate` prints.

use crate::program::{Folder, case, model, prints, run};
use std::fs;

/// The continuation that transformers chooses, on a device.
fn continues(name: &str, device: &str) {
    let case = case(name);
    let path = model(case["gguf"].as_str().or(case["hf"].as_str()).unwrap());
    let prompt = case["prompt"]["text"].as_str().unwrap();
    let out =
        prints(&["generate", "--model", &path, "--prompt", prompt, "--max-tokens", "64", "--device", device]);
    assert_eq!(out.trim_end_matches('\n'), case["prompt"]["greedy_text"], "{name}");
}

#[test]
fn it_prints_the_continuation_and_nothing_else() {
    continues("llama-f32", "cpu");
    continues("qwen2-hf", "cpu");
}

mod gpu {
    #[test]
    fn it_prints_the_continuation_and_nothing_else() {
        super::continues("phi3-q5_1", "gpu");
    }
}

/// llama.cpp takes it so, and such files are older than the key that names the kind.
#[test]
fn a_stretched_context_of_no_kind_is_linear() {
    let (folder, case) = (Folder::new("kind"), case("llama-linear-q4_1"));
    let mut bytes = fs::read(model("llama-linear/q4_1.gguf")).unwrap();
    let key = b"llama.rope.scaling.type";
    let at = bytes.windows(key.len()).position(|word| word == key).unwrap();
    bytes[at..at + key.len()].copy_from_slice(b"llama.rope.scaling.none");
    fs::write(folder.path("old.gguf"), bytes).unwrap();
    let prompt = case["prompt"]["text"].as_str().unwrap();
    let path = folder.text("old.gguf");
    let base = ["generate", "--model", &path, "--device", "cpu", "--max-tokens", "64"];
    let out = prints(&[&base[..], &["--prompt", prompt]].concat());
    assert_eq!(out.trim_end_matches('\n'), case["prompt"]["greedy_text"]);
}

#[test]
fn it_says_where_it_computes_where_it_chooses() {
    let path = model("llama/f32.gguf");
    let ended = run(&["generate", "--model", &path, "--prompt", "one and", "--max-tokens", "1"]);
    assert!(ended.code == Some(0) && ended.err.contains("Computing on the "), "{ended:?}");
}

#[test]
fn several_texts_have_headings() {
    let path = model("llama/f32.gguf");
    let base = ["generate", "--model", &path, "--device", "cpu", "--max-tokens", "9"];
    let alone = |prompt: &str| prints(&[&base[..], &["--prompt", prompt]].concat());
    let both = prints(&[&base[..], &["--prompt", "the sea", "--prompt", "-- and"]].concat());
    assert_eq!(both, format!("== 1: the sea\n{}== 2: -- and\n{}", alone("the sea"), alone("-- and")));
}

#[test]
fn it_stops_before_a_stop_string() {
    let case = case("llama-f32");
    let (prompt, text) = (&case["prompt"]["text"], case["prompt"]["greedy_text"].as_str().unwrap());
    let path = model("llama/f32.gguf");
    let base = ["generate", "--model", &path, "--device", "cpu", "--max-tokens", "24"];
    let stop = &text[9..12];
    let out = prints(&[&base[..], &["--prompt", prompt.as_str().unwrap(), "--stop", stop]].concat());
    assert_eq!(out.trim_end_matches('\n'), text.split_once(stop).unwrap().0);
}

#[test]
fn control_tokens_in_a_prompt_are_letters_unless_asked_for() {
    let path = model("llama/f32.gguf");
    let base = ["generate", "--model", &path, "--device", "cpu", "--max-tokens", "9"];
    let prompt = |text: &str| prints(&[&base[..], &["--prompt", text]].concat());
    let raw = |text: &str| prints(&[&base[..], &["--raw", "--prompt", text]].concat());
    assert_eq!(prompt("the sea"), raw("the sea"));
    assert_ne!(prompt("the<|im_start|>"), raw("the<|im_start|>"));
}

#[test]
fn a_seed_decides_what_is_drawn() {
    let path = model("smollm3");
    let base = ["generate", "--model", &path, "--device", "cpu", "--max-tokens", "16", "--prompt", "the"];
    let drawn = |seed: &str| prints(&[&base[..], &["--temperature", "1", "--seed", seed]].concat());
    assert_eq!(drawn("1"), drawn("1"));
    assert_ne!(drawn("1"), drawn("2"));
    let greedy = prints(&base);
    assert_eq!(prints(&[&base[..], &["--temperature", "5", "--top-k", "1"]].concat()), greedy);
    assert_eq!(prints(&[&base[..], &["--temperature", "5", "--min-p", "1"]].concat()), greedy);
    assert_eq!(prints(&[&base[..], &["--temperature", "5", "--top-p", "0"]].concat()), greedy);
    assert_ne!(prints(&[&base[..], &["--repetition-penalty", "9"]].concat()), greedy);
}
