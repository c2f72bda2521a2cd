//! `smolder eval`: the loss on a file of examples.

use crate::data::Learn;
use crate::engine::{self, Engine};
use crate::interrupt::Stopped;
use crate::open;
use crate::output::tell;
use crate::progress::{EVALUATING, percent};
use crate::train_text::{failure, warning};
use anyhow::{Result, anyhow, bail};
use serde_json::json;
use smolder_formats::Source;
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{BatchSize, Evaluation, Failure};
use smolder_trainer::compute::DeviceError;
use smolder_trainer::data::Data;
use smolder_trainer::evaluation::{MeanLoss, mean_loss};
use smolder_trainer::room::Room;
use smolder_trainer::{load_rows, today};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

/// Options of `smolder eval`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    engine: engine::Options,
    /// JSONL, JSON, CSV, TSV or plain text.
    #[arg(long, short)]
    data: PathBuf,
    /// Rename a column, as in question=prompt; may be repeated.
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<String>,
    /// Put prompt and completion one behind the other, without the chat template.
    #[arg(long)]
    raw: bool,
    /// What the loss is taken on.
    #[arg(long, value_enum, default_value_t = Learn::Assistant)]
    loss_on: Learn,
    /// Tokens of a row at most.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(2..))]
    seq_len: u32,
    /// Rows that are computed at once.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: u32,
    /// Print {"loss","perplexity","tokens"} as JSON.
    #[arg(long)]
    json: bool,
}

/// Evaluates and prints loss, perplexity and tokens.
pub fn run(arguments: &Arguments) -> Result<()> {
    let file = open::data(&arguments.data)?;
    let engine = Engine::start(&arguments.engine)?;
    let config = TrainConfig {
        map: arguments.map.clone(),
        raw: arguments.raw,
        loss_on: arguments.loss_on.into(),
        seq_len: arguments.seq_len,
        ..TrainConfig::default()
    };
    let found = loss(&engine, file, config, arguments.batch_size)?;
    print(found, arguments.json)
}

/// The mean loss on the examples of a file, `rows` computed at once.
pub fn loss(engine: &Engine, file: Source<File>, mut config: TrainConfig, rows: u32) -> Result<MeanLoss> {
    let prompt = engine.adapter.lead_len() as u64;
    let context = engine.model.config().sizes.context.saturating_sub(prompt);
    config.seq_len = config.seq_len.min(u32::try_from(context).unwrap_or(u32::MAX));
    let found = load_rows(file, (&engine.tokenizer, &engine.template), &config, today());
    let (found, _) = found.map_err(|error| anyhow!(failure(&error)))?;
    found.warnings(config.seq_len).iter().for_each(|one| tell!("{}", warning(one)));
    let data = Data::new(found.rows, None).map_err(|_| anyhow!(failure(&Failure::NothingToLearn)))?;
    let found = engine.attempt(|| measure(engine, &data, rows))?;
    if !found.loss.is_finite() {
        bail!("the loss is infinite or NaN: the model or the adapter is broken");
    }
    Ok(found)
}

fn measure(engine: &Engine, data: &Data, rows: u32) -> Result<MeanLoss> {
    let (compute, mut room) = (engine.compute(), Room::default());
    let work = (data, BatchSize::Rows(rows));
    let mut show = percent(EVALUATING);
    let mut watch = |done, total| {
        show(done, total);
        engine.interrupt.flow()
    };
    let found = mean_loss(&engine.model, &compute, engine.adapter.as_ref(), work, &mut room, &mut watch);
    let found = pollster::block_on(found);
    room.warnings.iter().for_each(|one| tell!("{}", warning(one)));
    let found = found.map_err(|error| {
        anyhow!(failure(&match error {
            DeviceError::OutOfMemory => Failure::OutOfMemory { tokens: data.longest() as u64 },
            DeviceError::Failed(problem) => Failure::Device(problem),
        }))
    })?;
    found.ok_or_else(|| Stopped.into())
}

fn print(MeanLoss { loss, tokens }: MeanLoss, json: bool) -> Result<()> {
    let perplexity = Evaluation::perplexity_of(loss);
    let text = if json {
        json!({"loss": loss, "perplexity": perplexity, "tokens": tokens}).to_string()
    } else {
        let shown = perplexity.map_or_else(|| "too large to show".to_owned(), |value| format!("{value:.4}"));
        format!("loss {loss:.6}, perplexity {shown}, {tokens} tokens")
    };
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
