//! `smolder data`: what training will see of a dataset.

mod dump;
mod preview;
mod rows;
mod sides;

use crate::library::resolve;
use crate::open::{self, model, weights};
use crate::train::checked;
use crate::train_text::warning;
use anyhow::{Result, ensure};
use rows::Reader;
use serde_json::json;
use sides::Sides;
use smolder_formats::dataset::{Dataset, Mapping};
use smolder_formats::model::ModelConfig;
use smolder_formats::template::ChatTemplate;
use smolder_formats::tokenizer::Tokenizer;
use smolder_formats::{Error, TensorSource};
use smolder_protocol::TrainConfig;
use smolder_protocol::train::Warning;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Options of `smolder data`: those that decide what training sees have the same names there.
#[derive(clap::Args)]
pub struct Arguments {
    /// JSONL, JSON, CSV, TSV or plain text.
    file: PathBuf,
    /// The model whose tokenizer and chat template are used: a GGUF file, a folder in Hugging Face's layout, a name from
    /// `smolder models`, or organisation/repository at the hub.
    #[arg(long, short)]
    model: PathBuf,
    /// Show this many rows as tokens; the learned ones are green and underlined.
    #[arg(long, default_value_t = 0)]
    preview: usize,
    /// Write every row as {"ids":[…],"mask":[…]}, exactly what training will see; a packed row also has "starts", where
    /// its documents start. What is kept back for evaluation goes into FILE.eval.jsonl for FILE.jsonl.
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
    /// Rename a column, as in question=prompt; may be repeated.
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<String>,
    /// What the loss is taken on.
    #[arg(long, value_enum, default_value_t = Learn::Assistant)]
    loss_on: Learn,
    /// Tokens of a row at most.
    #[arg(long, default_value_t = 1024)]
    seq_len: u32,
    /// Let short documents share a row.
    #[arg(long)]
    packing: bool,
    /// Keep this share of the data back for evaluation.
    #[arg(long)]
    eval_split: Option<f64>,
    /// Decides which rows are kept back.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Put prompt and completion one behind the other, without the chat template.
    #[arg(long)]
    raw: bool,
    /// Print the audit as JSON.
    #[arg(long, conflicts_with = "preview")]
    json: bool,
}

/// [`LossOn`](smolder_protocol::train::LossOn) on the command line.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Learn {
    /// Every turn of the assistant's
    Assistant,
    /// All text
    All,
    /// What comes after the prompt
    Completion,
    /// The assistant's last turn
    LastTurn,
}

impl Arguments {
    /// The settings of a run that sees the same.
    fn config(&self) -> Result<TrainConfig> {
        checked(TrainConfig {
            model: self.model.display().to_string(),
            data: self.file.display().to_string(),
            map: self.map.clone(),
            raw: self.raw,
            loss_on: self.loss_on.into(),
            seq_len: self.seq_len,
            packing: self.packing,
            eval_split: self.eval_split,
            seed: self.seed,
            ..TrainConfig::default()
        })
    }
}

/// Reads, renders, audits, and shows or writes what was asked for.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut config = arguments.config()?;
    let file = open::data(&arguments.file)?;
    let reading = reading(&arguments.model)?;
    if reading.template.is_built_in() {
        eprintln!("The model has no chat template: the built-in ChatML is used.");
    }
    fit(&mut config, reading.context);
    let mut dataset = Dataset::open(file, Mapping::parse(&config.map)?)?;
    let mut sides = Sides::new(arguments.dump.as_deref(), config.eval_split.is_some(), &arguments.file)?;
    let audit = Reader { arguments, reading: &reading, config: &config }.read(&mut dataset, &mut sides)?;
    for file in sides.finish()? {
        eprintln!("{} is written.", file.display());
    }
    let format = dataset.format().map_or_else(|| "no rows".to_owned(), |format| format.to_string());
    let text = if arguments.json {
        let [train, eval] = sides.json();
        let report = json!({"format": format, "audit": audit, "train": train, "eval": eval});
        serde_json::to_string_pretty(&report)? + "\n"
    } else {
        format!("format          {format}\n{audit}{}", sides.text(&config))
    };
    std::io::stdout().write_all(text.as_bytes())?;
    ensure!(audit.kept > 0, "no row is left to train on");
    Ok(())
}

/// How a model reads text, and how many tokens of it at most.
struct Reading {
    tokenizer: Tokenizer,
    template: ChatTemplate,
    context: Option<u64>,
}

/// Of a GGUF no more than its metadata is needed.
fn reading(path: &Path) -> Result<Reading> {
    if resolve(path)?.is_dir() {
        let opened = weights(path)?;
        let context = Some(opened.config.sizes.context);
        return Ok(Reading { tokenizer: opened.tokenizer, template: opened.template, context });
    }
    let model = model(path)?;
    let named = |error: Error| error.in_file(model.name());
    let template = model.metadata().string("tokenizer.chat_template").and_then(ChatTemplate::new);
    Ok(Reading {
        tokenizer: Tokenizer::from_gguf(model.metadata()).map_err(named)?,
        template: template.map_err(named)?,
        // Rows can be shown for a vocabulary alone, which says nothing of a context.
        context: ModelConfig::from_gguf(model.metadata()).ok().map(|config| config.context),
    })
}

/// No row is longer than the context, as in training.
fn fit(config: &mut TrainConfig, context: Option<u64>) {
    let context = context.and_then(|context| u32::try_from(context).ok()).unwrap_or(u32::MAX);
    if config.seq_len > context {
        eprintln!("{}", warning(&Warning::SeqLenLowered { wanted: config.seq_len, context }));
        config.seq_len = context;
    }
}
