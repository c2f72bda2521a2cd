//! What is trained and what is evaluated on, in numbers.

use serde_json::{Value, json};
use smolder_protocol::TrainConfig;
use smolder_trainer::data::{Data, Examples, Sequence};

/// Both sides for a program; nothing where no row was kept.
pub fn json(examples: Option<&Examples>) -> [Value; 2] {
    let numbers = |data: &Data| {
        json!({
            "rows": data.rows(),
            "documents": documents(data),
            "tokens": data.tokens(),
            "learned": data.labels(),
        })
    };
    let eval = examples.and_then(|examples| examples.eval.as_ref());
    [examples.map(|examples| &examples.train), eval].map(|data| data.map_or(Value::Null, numbers))
}

/// Both sides for a person, as far as they are not the audit again.
pub fn text(examples: &Examples, config: &TrainConfig) -> String {
    let numbers = |data: &Data| {
        format!("{} rows, {} tokens, of which {} learned", data.rows(), data.tokens(), data.labels())
    };
    let mut lines = Vec::new();
    if config.packing {
        lines.push(packed(&examples.train, config.seq_len));
    }
    if config.packing || examples.eval.is_some() {
        lines.push(format!("to train on     {}", numbers(&examples.train)));
    }
    lines.extend(examples.eval.as_ref().map(|eval| format!("to evaluate on  {}", numbers(eval))));
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

fn packed(data: &Data, len: u32) -> String {
    let (documents, rows) = (documents(data), data.rows());
    let filled = 100.0 * data.tokens() as f64 / (rows as f64 * f64::from(len));
    format!("packed          {documents} documents into {rows} rows of {len} tokens, {filled:.1} % full")
}

fn documents(data: &Data) -> usize {
    data.documents().map(<[Sequence]>::len).sum()
}
