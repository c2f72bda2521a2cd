//! `smolder eval`: the loss on a file of examples.

use crate::answers::{Score, score};
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
use smolder_trainer::data::{Data, Rows};
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
    /// Answer so many of the examples too, and count the right answers: to the letter, or behind "####".
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    answers: usize,
    /// Print {"loss","perplexity","tokens"} as JSON, with --answers "answered" and "right".
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
    let data = examples(&engine, file, &config)?;
    let found = loss(&engine, &data, arguments.batch_size)?;
    let wanted = arguments.answers;
    let answered = (wanted > 0).then(|| score(&engine, &data, wanted)).transpose()?;
    print(found, answered, arguments.json)
}

/// The examples of a file, of tokens that the model has room for.
pub fn examples(engine: &Engine, file: Source<File>, config: &TrainConfig) -> Result<Data> {
    let (found, context) = (rows(engine, file, config)?, context(engine));
    found.warnings(config.seq_len.min(context), context).iter().for_each(|one| tell!("{}", warning(one)));
    Data::new(found.rows, None).map_err(|_| anyhow!(failure(&Failure::NothingToLearn)))
}

/// The same before they are divided.
pub fn rows(engine: &Engine, file: Source<File>, config: &TrainConfig) -> Result<Rows> {
    let config = TrainConfig { seq_len: config.seq_len.min(context(engine)), ..config.clone() };
    let found = load_rows(file, (&engine.tokenizer, &engine.template), &config, today());
    Ok(found.map_err(|error| anyhow!(failure(&error)))?.0)
}

/// Tokens that the model can read behind an adapter's virtual ones.
fn context(engine: &Engine) -> u32 {
    let prompt = engine.adapter.lead_len() as u64;
    let context = engine.model.config().sizes.context.saturating_sub(prompt);
    u32::try_from(context).unwrap_or(u32::MAX)
}

/// The mean loss on examples, `rows` computed at once.
pub fn loss(engine: &Engine, data: &Data, rows: u32) -> Result<MeanLoss> {
    let found = engine.attempt(|| measure(engine, data, rows))?;
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

fn print(MeanLoss { loss, tokens }: MeanLoss, answered: Option<Score>, json: bool) -> Result<()> {
    let perplexity = Evaluation::perplexity_of(loss);
    let text = if json {
        let mut found = json!({"loss": loss, "perplexity": perplexity, "tokens": tokens});
        if let Some(Score { right, asked }) = answered {
            (found["right"], found["answered"]) = (right.into(), asked.into());
        }
        found.to_string()
    } else {
        let shown = perplexity.map_or_else(|| "too large to show".to_owned(), |value| format!("{value:.4}"));
        let right = answered.map(|Score { right, asked }| format!(", {right} of {asked} answers right"));
        format!("loss {loss:.6}, perplexity {shown}, {tokens} tokens{}", right.unwrap_or_default())
    };
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
