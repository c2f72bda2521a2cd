//! What is said of a model, also of one that cannot be used.

use std::fs;

use smolder_formats::Kind;
use smolder_formats::gguf::{Gguf, GgufWriter, SplitGguf, Value};
use smolder_formats::inspect::Report;

use crate::memory;

/// The model that comes with Smolder.
fn tales() -> Vec<u8> {
    fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/tales.gguf")).unwrap()
}

fn replace(bytes: &mut [u8], old: &[u8], new: &[u8]) {
    let at = bytes.windows(old.len()).position(|part| part == old).unwrap();
    bytes[at..at + old.len()].copy_from_slice(new);
}

fn inspect(bytes: &[u8]) -> smolder_formats::Result<Report> {
    let mut model = SplitGguf::open("m.gguf", |name| Ok(memory(name, bytes)))?;
    Report::gguf("m.gguf", &mut model, false, &mut |_, _| {})
}

#[test]
fn a_tokenizer_that_is_unknown_is_named() {
    let mut bytes = tales();
    let known = inspect(&bytes).unwrap();
    assert!(known.tokenizer.vocabulary > 0 && known.tokenizer.sha256.is_some());
    replace(&mut bytes, b"\0gpt-2", b"\0tekke");
    let report = inspect(&bytes).unwrap();
    assert!(report.to_string().contains("\ntokenizer       not supported: tekke\n"), "{report}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["tokenizer"]["kind"], "not supported: tekke");
    assert_eq!(json["parameters"], known.parameters);
}

#[test]
fn a_tokenizer_that_is_broken_is_refused() {
    let mut bytes = tales();
    replace(&mut bytes, b"tokenizer.ggml.tokens", b"tokenizer.ggml.tokenZ");
    assert_eq!(inspect(&bytes).unwrap_err().kind, Kind::Missing);
}

#[test]
fn a_tokenizer_without_a_model_is_shown() {
    for (file, architecture) in [("smollm2", true), ("gpt2", false), ("gemma", false)] {
        let report = inspect(&crate::read(&format!("tokenizers/{file}.gguf"))).unwrap();
        assert!(report.tokenizer.vocabulary > 0, "{report}");
        assert!(report.to_string().contains("none: this is a tokenizer without a model"), "{report}");
        assert_eq!(report.to_string().contains("architecture    llama"), architecture, "{report}");
    }
}

#[test]
fn a_licence_of_another_kind_has_its_name() {
    let bytes = crate::read("tokenizers/smollm2.gguf");
    let mut metadata = Gguf::read(&mut memory("m.gguf", bytes)).unwrap().metadata;
    for (key, value, want) in [
        ("general.license", "other", "other"),
        ("general.license.name", "lfm1.0", "lfm1.0"),
        ("general.license", "apache-2.0", "apache-2.0"),
    ] {
        metadata.set(key, Value::String(value.into()));
        let bytes = GgufWriter::begin(Vec::new(), &metadata, Vec::new()).unwrap().finish().unwrap();
        assert_eq!(inspect(&bytes).unwrap().licence.as_deref(), Some(want));
    }
}

#[test]
fn a_template_is_shown() {
    let report = inspect(&tales()).unwrap();
    let first = report.template.source.lines().next().unwrap().chars().take(200).collect::<String>();
    assert!(report.to_string().contains(&format!("\n                {first}")), "{report}");
    let long = Report {
        template: smolder_formats::inspect::TemplateReport {
            source: "line\n".repeat(50),
            ..report.template.clone()
        },
        ..report
    };
    let text = long.to_string();
    assert_eq!(text.matches("\n                line").count(), 40);
    assert!(text.contains("… and 10 more lines"), "{text}");
}
