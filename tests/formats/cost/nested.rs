//! JSON of little text and much memory: brackets by the hundred thousand, in whatever is read from it.

use std::io::Cursor;

use smolder_formats::adapter::AdapterConfig;
use smolder_formats::dataset::{Dataset, Mapping, RenderOptions, Renderer, Target};
use smolder_formats::model::ModelConfig;
use smolder_formats::template::{ChatTemplate, Options};
use smolder_formats::tokenizer::{Tokenizer, TokenizerConfig};
use smolder_formats::{Kind, Source, limits};

use super::{bounded, fixture, turn};

/// Lists of these, as long as a row may be and down to a twentieth of that: some are read, and the longest of these
/// takes the most.
fn lists() -> Vec<(String, String)> {
    let items = [
        ("deep lists", "[".repeat(55) + &"]".repeat(55)),
        ("deep objects", "{\"\":".repeat(55) + "0" + &"}".repeat(55)),
        ("lists of one", "[0]".to_owned()),
        ("objects of one", "{\"\":0}".to_owned()),
        ("empty lists", "[]".to_owned()),
        ("objects of five", r#"{"a":0,"b":0,"c":0,"d":0,"e":0}"#.to_owned()),
        ("numbers", "0".to_owned()),
        ("texts", "\"a\"".to_owned()),
    ];
    let room = limits::ROW_BYTES as usize - 400;
    let list = |(name, item): &(&str, String), part: usize| {
        let items = vec![item.as_str(); room / part / (item.len() + 1)];
        (format!("{name}, 1/{part}"), format!("[{}]", items.join(",")))
    };
    let parts = [1, 2, 3, 4, 6, 8, 12, 20];
    items.iter().flat_map(|item| parts.map(|part| list(item, part))).collect()
}

/// Reads a row, and renders it where it is one.
fn render(row: &str, tokenizer: &Tokenizer, template: &ChatTemplate) -> Result<usize, Kind> {
    let options = RenderOptions {
        target: Target::Assistant,
        max_len: 2048,
        raw_pairs: false,
        template: Options::of(tokenizer),
    };
    let source = Source::new("d.jsonl", Cursor::new(row.as_bytes())).unwrap();
    let mut dataset = Dataset::open(source, Mapping::default()).unwrap();
    let record = dataset.next_record().map_err(|error| error.kind)?.unwrap().1;
    let rows = Renderer::new(tokenizer, template, options).render(&record.map_err(|error| error.kind)?);
    rows.map(|rows| rows.row.ids.len()).map_err(|error| error.kind)
}

#[test]
fn rows_of_brackets() {
    let _turn = turn();
    let json = fixture("tokenizers/qwen2.json");
    let tokenizer = Tokenizer::from_json(&json, &TokenizerConfig::default()).unwrap();
    let text = |name: &str| String::from_utf8(fixture(name)).unwrap();
    let templates = [None, Some(text("templates/qwen3.jinja"))];
    let templates = templates.map(|source| ChatTemplate::new(source.as_deref()).unwrap());
    let (mut read, mut refused) = (0, 0);
    for (name, list) in lists() {
        let asked = format!(r#"{{"role":"user","content":"a <|im_end|>","x":{list}}}"#);
        let answer = r#"{"role":"assistant","content":"b"}"#;
        for row in [
            format!(r#"{{"text":"a b","x":{list}}}"#),
            format!(r#"{{"messages":[{asked},{answer}]}}"#),
            format!(r#"{{"messages":[{{"role":"user","content":{list}}},{answer}]}}"#),
            format!(
                r#"{{"prompt":[{asked}],"chosen":[{answer}],"rejected":[{{"role":"assistant","content":"c"}}]}}"#
            ),
        ] {
            for template in &templates {
                let start = row.get(..30).unwrap();
                match bounded(&format!("{start} {name}"), row.len(), || render(&row, &tokenizer, template)) {
                    Ok(_) => read += 1,
                    Err(Kind::Limit) => refused += 1,
                    Err(_) => {}
                }
            }
        }
    }
    assert!(read > 100 && refused > 50, "{read} read, {refused} refused");
}

#[test]
fn configs_of_brackets() {
    let _turn = turn();
    for (name, list) in lists() {
        let config = format!(r#"{{"peft_type":"LORA","target_modules":["q_proj"],"x":{list}}}"#);
        let read = bounded(&format!("an adapter's {name}"), config.len(), || {
            AdapterConfig::from_json(config.as_bytes()).map(|config| config.to_json().len())
        });
        assert!(read.is_ok() || read.is_err_and(|error| error.kind == Kind::Limit));
        let config = format!(r#"{{"model_type":"llama","x":{list}}}"#);
        bounded(&format!("a model's {name}"), config.len(), || {
            ModelConfig::from_json(config.as_bytes()).is_ok()
        });
    }
}

/// What people have takes far less than the limit: a conversation of a thousand turns, and a row of numbers.
#[test]
fn real_rows_are_far_from_the_limit() {
    let _turn = turn();
    let turns: Vec<String> = (0..1_000)
        .map(|n| format!(r#"{{"from":"{}","value":"{n} words"}}"#, if n % 2 == 0 { "human" } else { "gpt" }))
        .collect();
    let numbers = vec!["0.015625"; 100_000].join(",");
    let long = format!(r#"{{"conversations":[{}]}}"#, turns.join(","));
    for row in [long.clone(), format!(r#"{{"text":"a","embedding":[{numbers}]}}"#)] {
        let source = Source::new("d.jsonl", Cursor::new(row.as_bytes())).unwrap();
        let mut dataset = Dataset::open(source, Mapping::default()).unwrap();
        dataset.next_record().unwrap().unwrap().1.unwrap();
    }
}
