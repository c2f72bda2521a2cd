//! The model card: what an adapter is, for whoever finds it.

use crate::checkpoint::State;
use crate::data::Data;
use crate::loaded::file_name;
use smolder_formats::adapter::{AdapterConfig, BaseIdentity};
use smolder_formats::error::printable;
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{BatchSize, EndCause, Evaluation};

/// What the card tells.
#[derive(Clone, Copy)]
pub(super) struct Summary<'a> {
    pub config: &'a TrainConfig,
    pub method: &'a AdapterConfig,
    pub base: &'a BaseIdentity,
    pub data: &'a Data,
    pub eval: Option<&'a Data>,
    pub state: &'a State,
    pub lr: f64,
    /// Tokens that a row may have: those asked for, as far as the context reaches.
    pub seq_len: u32,
    pub steps: u64,
    pub cause: EndCause,
    /// The step whose weights are in the folder.
    pub weights_of: u64,
}

/// The card as Markdown, with the metadata that the hub reads.
pub(super) fn text(summary: &Summary) -> String {
    let base = quoted(&summary.base.name);
    let method = summary.method.method.to_lowercase();
    let sections = [
        table("Result", &result(summary)),
        table("Data", &data(summary)),
        table("Settings", &settings(summary)),
        table("Base model", &identity(summary.base)),
    ];
    format!(
        "---\nlibrary_name: peft\nbase_model: {base}\ntags:\n- smolder\n- {method}\n---\n\n\
        # A {method} adapter for {}\n\n\
        Trained with Smolder. PEFT loads this folder; so does `smolder generate --adapter`.\n\n{}",
        cell(&summary.base.name),
        sections.join("\n"),
    )
}

type Rows = Vec<(&'static str, String)>;

fn result(Summary { state, steps, cause, weights_of, .. }: &Summary) -> Rows {
    let end = match cause {
        EndCause::Complete => "complete",
        EndCause::EarlyStopping => "stopped early: the evaluation loss no longer fell",
        EndCause::Stopped => "stopped by hand",
    };
    let loss = |loss: f32| format!("{loss:.4}");
    let mut rows = vec![("steps", format!("{} of {steps}, {end}", state.step))];
    rows.extend(state.loss.map(|last| ("training loss of the last step", loss(last))));
    if let Some(best) = state.evaluations.best {
        let perplexity =
            Evaluation::perplexity_of(best.loss).map_or(String::new(), |it| format!(" (perplexity {it:.3})"));
        rows.push((
            "best evaluation loss",
            format!("{}{perplexity} after step {}", loss(best.loss), best.step),
        ));
    }
    rows.push(("weights", format!("those after step {weights_of}")));
    rows.push(("tokens trained on", format!("{}, {} of them learned", state.tokens, state.labelled_tokens)));
    rows.push(("steps skipped", state.watch.skipped.to_string()));
    rows
}

fn data(Summary { config, data, eval, .. }: &Summary) -> Rows {
    let count = |data: &Data| {
        format!("{} rows, {} tokens, {} of them learned", data.rows(), data.tokens(), data.labels())
    };
    let mut rows = vec![("file", cell(file_name(&config.data))), ("trained on", count(data))];
    rows.extend(eval.map(|eval| ("evaluated on", count(eval))));
    rows.push(("SHA-256 of the tokens", data.sha256().to_owned()));
    rows
}

fn settings(Summary { config, method, lr, seq_len, .. }: &Summary) -> Rows {
    let batch = match config.batch() {
        BatchSize::Rows(rows) => format!("{rows} rows"),
        BatchSize::Tokens(tokens) => format!("at most {tokens} tokens"),
    };
    let name = |value: serde_json::Result<serde_json::Value>| {
        value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let mut rows = vec![("method", method.method.to_lowercase())];
    let known = [
        ("rank", "r"),
        ("alpha", "lora_alpha"),
        ("alpha", "alpha"),
        ("DoRA", "use_dora"),
        ("dropout", "lora_dropout"),
        ("rsLoRA", "use_rslora"),
        ("targets", "target_modules"),
        ("virtual tokens", "num_virtual_tokens"),
    ];
    for (label, key) in known {
        rows.extend(
            method
                .raw
                .get(key)
                .filter(|value| !value.is_null())
                .map(|value| (label, cell(&value.to_string()))),
        );
    }
    rows.extend([
        ("learning rate", format!("{lr:e}, {}", name(serde_json::to_value(config.schedule)))),
        ("weight decay", config.weight_decay.to_string()),
        ("betas, epsilon", format!("{}, {}, {:e}", config.betas[0], config.betas[1], config.eps)),
        ("gradient clipping", config.clip.to_string()),
        ("micro-batch", format!("{batch}, {} a step", config.grad_accum)),
        ("longest row", format!("{seq_len} tokens{}", if config.packing { ", packed" } else { "" })),
        ("loss on", name(serde_json::to_value(config.loss_on))),
        ("seed", config.seed.to_string()),
    ]);
    rows
}

fn identity(base: &BaseIdentity) -> Rows {
    vec![
        ("name", cell(&base.name)),
        ("SHA-256 of the file", base.file.clone()),
        ("SHA-256 of the tensor table", base.table.clone()),
        ("SHA-256 of the tokenizer", base.tokenizer.clone()),
        ("SHA-256 of the chat template", base.template.clone()),
    ]
}

fn table(title: &str, rows: &Rows) -> String {
    let lines: Vec<String> = rows.iter().map(|(name, value)| format!("| {name} | {value} |")).collect();
    format!("## {title}\n\n| | |\n|---|---|\n{}\n", lines.join("\n"))
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    printable(text).replace('|', "\\|")
}

/// Text for YAML: JSON's strings are its own.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_break_the_table_or_the_metadata() {
        assert_eq!(cell("a|b\nc"), r"a\|b\nc");
        assert_eq!(quoted("a: \"b\"\n"), r#""a: \"b\"\n""#);
    }
}
