//! Tokenizers that contradict themselves.

use smolder_formats::gguf::{Array, Metadata, Value};
use smolder_formats::template::{ChatTemplate, Options};
use smolder_formats::tokenizer::{Tokenizer, TokenizerConfig};
use smolder_formats::{Kind, Result};

use super::{cases, refused};
use crate::read;

fn strings(items: &[&str]) -> Value {
    Value::Array(Array::String(items.iter().collect()))
}

/// A byte-level vocabulary of ASCII and `ab`, with one key changed or, for `None`, taken away.
fn changed((key, value): (&str, Option<Value>)) -> Result<Tokenizer> {
    let mut tokens: Vec<String> = ('!'..='~').map(String::from).collect();
    tokens.extend(["Ġ", "ab", "<|end|>"].map(String::from));
    let mut types = vec![1; tokens.len()];
    types[96] = 3;
    let pairs = [
        ("tokenizer.ggml.model", Value::String("gpt2".into())),
        ("tokenizer.ggml.pre", Value::String("gpt-2".into())),
        ("tokenizer.ggml.tokens", Value::Array(Array::String(tokens.iter().collect()))),
        ("tokenizer.ggml.token_type", Value::Array(Array::I32(types))),
        ("tokenizer.ggml.merges", strings(&["a b"])),
        ("tokenizer.ggml.eos_token_id", Value::U32(96)),
    ];
    let mut metadata = Metadata::new();
    for (name, default) in pairs.into_iter().filter(|(name, _)| *name != key) {
        metadata.set(name, default);
    }
    if let Some(value) = value {
        metadata.set(key, value);
    }
    Tokenizer::from_gguf(&metadata)
}

#[test]
fn the_unchanged_vocabulary_works() {
    let tokenizer = changed(("", None)).unwrap();
    assert_eq!(tokenizer.encode_text("ab<|end|>").first(), Some(&95));
    assert_eq!(tokenizer.encode_text("<|end|>").len(), 7);
}

cases! { changed;
    no_model: ("tokenizer.ggml.model", None) => Missing, "`tokenizer.ggml.model`";
    unknown_model: ("tokenizer.ggml.model", Some(Value::String("bert".into()))) => Unsupported, "gpt2 or llama", "bert";
    model_of_wrong_type: ("tokenizer.ggml.model", Some(Value::U32(1))) => Type, "a string", "an unsigned integer";
    unknown_pre: ("tokenizer.ggml.pre", Some(Value::String("tekken".into()))) => Unsupported, "`tokenizer.ggml.pre`", "tekken", "llama-bpe";
    no_tokens: ("tokenizer.ggml.tokens", None) => Missing, "`tokenizer.ggml.tokens`";
    empty_vocabulary: ("tokenizer.ggml.tokens", Some(strings(&[]))) => Mismatch, "token_type";
    tokens_of_wrong_type: ("tokenizer.ggml.tokens", Some(Value::Array(Array::U32(vec![1])))) => Type, "an array of strings";
    no_merges: ("tokenizer.ggml.merges", None) => Missing, "`tokenizer.ggml.merges`";
    merge_longer_than_any_token: ("tokenizer.ggml.merges", Some(strings(&["ab ab"]))) => Mismatch, "merge 0", "`abab`";
    merge_of_unknown_tokens: ("tokenizer.ggml.merges", Some(strings(&["a b", "zz y"]))) => Mismatch, "merge 1", "`zz`";
    merge_without_space: ("tokenizer.ggml.merges", Some(strings(&["ab"]))) => Syntax, "merge 0", "two tokens";
    merge_of_nothing: ("tokenizer.ggml.merges", Some(strings(&["a "]))) => Mismatch, "merge 0", "``";
    types_of_another_length: ("tokenizer.ggml.token_type", Some(Value::Array(Array::I32(vec![1; 3])))) => Mismatch, "97 elements", "found 3";
    eos_outside: ("tokenizer.ggml.eos_token_id", Some(Value::U32(97))) => Value, "EOS token", "below 97", "found 97";
    eos_of_64_bits: ("tokenizer.ggml.eos_token_id", Some(Value::U64(1 << 40))) => Value, "32 bits";
    eos_negative: ("tokenizer.ggml.eos_token_id", Some(Value::I32(-1))) => Type, "non-negative";
    missing_bos_to_add: ("tokenizer.ggml.add_bos_token", Some(Value::Bool(true))) => Missing, "BOS token", "to be added";
    flag_of_wrong_type: ("tokenizer.ggml.add_eos_token", Some(Value::U8(1))) => Type, "a boolean";
}

/// No mark fits inside a control token of one letter, so people may not write it.
#[test]
fn a_control_token_of_one_letter() {
    let mut types = vec![1; 97];
    types[0] = 3;
    let tokenizer = changed(("tokenizer.ggml.token_type", Some(Value::Array(Array::I32(types))))).unwrap();
    let template = ChatTemplate::new(None).unwrap();
    let render = |content: &str| {
        let message = serde_json::json!({"role": "user", "content": content});
        let messages = [message.as_object().unwrap().clone()];
        template.render(&tokenizer, &messages, false, &Options::default())
    };
    refused(render("Hi!"), Kind::Value, &["a letter that is a control token", "'!'"]);
    assert!(render("Hi.").is_ok());
}

#[test]
fn a_vocabulary_without_letters() {
    let mut tokens = vec!["a", "b", "ab"];
    tokens.resize(97, "x");
    let result = changed(("tokenizer.ggml.tokens", Some(strings(&tokens))));
    refused(result, Kind::Missing, &["character ` `", "printable ASCII"]);
}

#[test]
fn scores_that_are_no_numbers() {
    let mut metadata = Metadata::new();
    metadata.set("tokenizer.ggml.model", Value::String("llama".into()));
    metadata.set("tokenizer.ggml.tokens", strings(&["a", "b"]));
    refused(Tokenizer::from_gguf(&metadata), Kind::Missing, &["`tokenizer.ggml.scores`"]);
    metadata.set("tokenizer.ggml.scores", Value::Array(Array::F32(vec![0.0])));
    refused(Tokenizer::from_gguf(&metadata), Kind::Mismatch, &["2 elements", "found 1"]);
    metadata.set("tokenizer.ggml.scores", Value::Array(Array::F32(vec![0.0, f32::NAN])));
    refused(Tokenizer::from_gguf(&metadata), Kind::Value, &["score of token 1", "NaN"]);
}

#[test]
fn tokens_that_take_too_long_to_look_for() {
    let mut tokens: Vec<String> = ('!'..='~').map(String::from).collect();
    tokens.extend(["Ġ", "ab", &"x".repeat(129)].map(String::from));
    let result =
        changed(("tokenizer.ggml.tokens", Some(Value::Array(Array::String(tokens.iter().collect())))));
    refused(result, Kind::Limit, &["added token 96", "at most 128 bytes, found 129"]);

    let mut metadata = Metadata::new();
    metadata.set("tokenizer.ggml.model", Value::String("gpt2".into()));
    metadata.set(
        "tokenizer.ggml.tokens",
        Value::Array(Array::String((0..65_537).map(|n| format!("{n}")).collect())),
    );
    metadata.set("tokenizer.ggml.token_type", Value::Array(Array::I32(vec![3; 65_537])));
    metadata.set("tokenizer.ggml.merges", strings(&[]));
    let words = ["control and added tokens", "at most 65536, found 65537"];
    refused(Tokenizer::from_gguf(&metadata), Kind::Limit, &words);
}

#[test]
fn a_piece_too_long_to_derive_merges_for() {
    let mut metadata = Metadata::new();
    metadata.set("tokenizer.ggml.model", Value::String("llama".into()));
    metadata.set("tokenizer.ggml.tokens", strings(&["a", &"b".repeat(129)]));
    metadata.set("tokenizer.ggml.scores", Value::Array(Array::F32(vec![0.0; 2])));
    refused(Tokenizer::from_gguf(&metadata), Kind::Limit, &["token 1", "at most 128 bytes, found 129"]);
}

/// The Qwen2-style `tokenizer.json` with one piece of text replaced.
fn edited((from, to): (&str, &str)) -> Result<Tokenizer> {
    let json = String::from_utf8(read("tokenizers/qwen2.json")).unwrap();
    assert!(json.contains(from), "{from} is not in the file");
    Tokenizer::from_json(json.replacen(from, to, 1).as_bytes(), &TokenizerConfig::default())
}

cases! { edited;
    json_cut_short: ("{\"version\"", "\"version\"") => Syntax, "JSON";
    unigram_model: ("\"type\":\"BPE\"", "\"type\":\"Unigram\"") => Unsupported, "`model.type`", "Unigram";
    dropout: ("\"dropout\":null", "\"dropout\":0.5") => Unsupported, "no dropout";
    subword_prefix: ("\"continuing_subword_prefix\":null", "\"continuing_subword_prefix\":\"##\"") => Unsupported, "continuing_subword_prefix", "##";
    word_suffix: ("\"end_of_word_suffix\":null", "\"end_of_word_suffix\":\"</w>\"") => Unsupported, "end_of_word_suffix";
    unknown_normalizer: ("\"NFC\"", "\"Lowercase\"") => Unsupported, "`normalizer`", "Lowercase";
    unknown_pattern: ("|\\\\p{N}|", "|(a+)+b|") => Unsupported, "`pre_tokenizer`";
    id_over_the_cap: ("\"id\":0,", "\"id\":4000000000,") => Limit, "vocabulary", "4000000000";
    id_of_two_tokens: ("\"id\":0,", "\"id\":7,") => Duplicate, "id 7", "<|endoftext|>";
    negative_id: ("\"id\":0,", "\"id\":-1,") => Syntax, "JSON";
    single_word_token: ("\"single_word\":false", "\"single_word\":true") => Unsupported, "single_word false";
    merge_of_three_tokens: ("\"merges\":[", "\"merges\":[[\"a\",\"b\",\"c\"],") => Syntax, "a third token";
    merge_of_one_token: ("\"merges\":[", "\"merges\":[[\"a\"],") => Syntax, "invalid length 1, expected two tokens";
    merge_of_numbers: ("\"merges\":[", "\"merges\":[[1,2],") => Syntax, "invalid type: integer `1`, expected a token";
    added_token_as_a_list: ("\"added_tokens\":[", "\"added_tokens\":[[0,\"a\"],") => Syntax, "expected an object";
    merge_of_nothing_in_json: ("\"merges\":[", "\"merges\":[[\"q\",\"\"],") => Mismatch, "merge 0";
    unknown_token_missing: ("\"unk_token\":null", "\"unk_token\":\"<nope>\"") => Missing, "unk_token", "<nope>";
}

/// Unigram's vocabulary is a list, and merges are not asked for a word where a SentencePiece vocabulary says so.
#[test]
fn models_of_another_kind_are_named() {
    let file = |json: &str| Tokenizer::from_json(json.as_bytes(), &TokenizerConfig::default());
    let unigram = r#"{"model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.5]]}}"#;
    refused(file(unigram), Kind::Unsupported, &["`model.type`", "BPE", "Unigram"]);
    let json = String::from_utf8(read("tokenizers/gemma.json")).unwrap();
    let json = json.replace("\"ignore_merges\":false", "\"ignore_merges\":true");
    refused(file(&json), Kind::Unsupported, &["`model.ignore_merges`", "false", "true"]);
}

/// The parser alone would speak of its own structures.
#[test]
fn a_json_that_is_no_tokenizer() {
    let file = |json: &str| Tokenizer::from_json(json.as_bytes(), &TokenizerConfig::default());
    for (json, found) in [
        ("[]", "an array"),
        (" 3", "a number"),
        ("\"a\"", "a string"),
        ("true", "a boolean"),
        ("null", "null"),
    ] {
        refused(file(json), Kind::Type, &["a JSON object", found]);
    }
    for (json, kind, words) in [
        (
            "[",
            Kind::Syntax,
            "a value that does not belong there, at column 0 (invalid type: sequence, expected an object)",
        ),
        ("{}", Kind::Syntax, "an object that lacks a field, at column 2 (missing field `model`)"),
        (
            "{\"model\":[7]}",
            Kind::Syntax,
            "a value that does not belong there, at column 9 (invalid type: sequence",
        ),
        ("{\"model\":{},\n\"model\":{}}", Kind::Duplicate, "duplicate field `model` at line 2, column 7"),
        ("\u{feff}{}", Kind::Encoding, "byte-order mark"),
        ("GIF89a\0", Kind::Syntax, "a mistake at column 1 (expected value)"),
    ] {
        refused(file(json), kind, &[words]);
    }
}

#[test]
fn a_config_that_is_no_object() {
    refused(TokenizerConfig::from_json(b"[]"), Kind::Type, &["a JSON object", "an array"]);
    refused(TokenizerConfig::from_json(b"{\"eos_token\": 3}"), Kind::Type, &["`eos_token`"]);
    refused(TokenizerConfig::from_json(b"{\"add_bos_token\": \"no\"}"), Kind::Type, &["true or false", "no"]);
    refused(
        TokenizerConfig::from_json(b"{\"eos_token\": 3, \"eos_token\": 3}"),
        Kind::Duplicate,
        &["`eos_token`"],
    );
    refused(TokenizerConfig::from_json(b"\xef\xbb\xbf{}"), Kind::Encoding, &["byte-order mark"]);
}
