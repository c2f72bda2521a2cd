//! `smolder compare`: methods beside each other, on the same examples.

mod table;

use crate::answers::{Score, score};
use crate::engine::{Engine, Options, Wanted};
use crate::interrupt::Stopped;
use crate::output::{answer, tell};
use crate::train::{self, Settings, train};
use crate::train_text::failure;
use crate::train_view::Screen;
use crate::{eval, open};
use anyhow::{Context, Result, anyhow, bail, ensure};
use smolder_models::peft::{METHODS, Method};
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{DeviceChoice, End, Failure, Plan, StepReport, TrainEvent};
use smolder_trainer::data::{Data, Examples};
use std::fs;
use std::path::Path;
use table::{Outcome, Row, json, table};

/// Where the adapters go, unless it is said.
const OUT: &str = "comparison";
/// The share of the examples that is held out, unless there are others to evaluate on.
const HELD_OUT: f64 = 0.1;
/// Rows of the held-out examples that are computed at once.
const ROWS: u32 = 8;
const WEIGHTS: &str = "adapter_model.safetensors";

/// Options of `smolder compare`: those of a run, which all methods share, but for a method's own.
#[derive(clap::Args)]
#[group(id = "comparison")]
pub struct Arguments {
    /// Which methods, as in lora,dora; all for every one.
    #[arg(long, default_value = "all", value_delimiter = ',')]
    methods: Vec<String>,
    /// How many held-out examples are answered, to count the right answers: to the letter, or behind "####".
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    answers: usize,
    /// Print the table as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    train: train::Arguments,
}

/// Trains each method at its own defaults, and prints what became of them, the lowest held-out loss first.
pub fn run(arguments: Arguments) -> Result<()> {
    let methods = methods(&arguments.methods)?;
    let config = settings(arguments.train)?;
    let out = |method: &Method| Path::new(&config.out).join(method.name);
    if let Some(there) = methods.iter().copied().map(out).find(|path| path.exists()) {
        bail!("{} is there already: name another folder with --out", there.display());
    }
    tell!("the model as it is");
    let (mut rows, mut ended) = (vec![base(&config, arguments.answers)?], Ok(()));
    for (at, method) in methods.iter().enumerate() {
        tell!("{} ({} of {})", method.name, at + 1, methods.len());
        match compared(method, (&config, arguments.answers), &out(method)) {
            Ok(row) => rows.push(row),
            Err(stopped) => {
                ended = Err(stopped);
                break;
            }
        }
    }
    rows.sort_by(Row::compare);
    answer(&if arguments.json { json(&rows) } else { table(&rows) })?;
    ended
}

fn methods(names: &[String]) -> Result<Vec<&'static Method>> {
    if names.iter().any(|name| name == "all") {
        return Ok(METHODS.to_vec());
    }
    Ok(names.iter().map(|name| Method::find(name)).collect::<Result<_, _>>()?)
}

/// What all runs share.
fn settings(arguments: train::Arguments) -> Result<TrainConfig> {
    ensure!(!arguments.estimate && !arguments.resume, "methods are compared from their start to their end");
    let Settings { mut config, resume, log_json } = arguments.settings()?;
    ensure!(
        !resume && log_json.is_none(),
        "methods are compared from their start to their end, without a log"
    );
    ensure!(config.options.is_empty(), "each method is compared at its own defaults: leave out its settings");
    ensure!(config.adapter.is_none(), "methods are compared from their start: leave out --adapter");
    if config.eval_data.is_none() && config.eval_split.is_none() {
        config.eval_split = Some(HELD_OUT);
    }
    if config.out == TrainConfig::default().out {
        OUT.clone_into(&mut config.out);
    }
    Ok(config)
}

/// What is seen of a run.
#[derive(Default)]
struct Seen {
    plan: Option<Plan>,
    losses: Vec<f32>,
    steps: Vec<StepReport>,
    end: Option<End>,
}

impl Seen {
    fn take(&mut self, event: &TrainEvent) {
        match event {
            TrainEvent::Started(plan) => self.plan = Some(plan.clone()),
            TrainEvent::Evaluated(found) => self.losses.push(found.loss),
            TrainEvent::Stepped(report) => self.steps.push(*report),
            TrainEvent::Finished(end) => self.end = Some(*end),
            _ => {}
        }
    }
}

/// Trains with one method. That it cannot be trained is told in its row; only Ctrl-C is an error.
fn compared(method: &'static Method, (config, answers): (&TrainConfig, usize), out: &Path) -> Result<Row> {
    let config = TrainConfig {
        method: method.name.to_owned(),
        out: out.to_string_lossy().into_owned(),
        ..config.clone()
    };
    let (mut screen, mut seen) = (Screen::open(None, false)?, Seen::default());
    let ended = train((config.clone(), false), &mut |event| {
        seen.take(event);
        screen.show(event)
    });
    match ended {
        Ok(()) => {
            let score = score_of(&config, out, answers)?;
            Ok(Row { method: method.name, outcome: Ok(Outcome { score, ..outcome(&seen, out) }) })
        }
        Err(error) if error.is::<Stopped>() => Err(error),
        Err(error) => {
            let reason = format!("{error:#}");
            tell!("{}: {reason}", method.name);
            Ok(Row { method: method.name, outcome: Err(reason) })
        }
    }
}

/// What the model does without an adapter.
fn base(config: &TrainConfig, answers: usize) -> Result<Row> {
    let engine = engine(config, None)?;
    let data = held_out(&engine, config)?
        .context("there is one example alone: none can be held out to compare on")?;
    let loss = eval::loss(&engine, &data, ROWS)?.loss;
    let score = (answers > 0).then(|| score(&engine, &data, answers)).transpose()?;
    Ok(Row { method: "base", outcome: Ok(Outcome { score, loss: Some(loss), ..Outcome::default() }) })
}

/// The right answers with an adapter, where they are wanted.
fn score_of(config: &TrainConfig, adapter: &Path, answers: usize) -> Result<Option<Score>> {
    if answers == 0 {
        return Ok(None);
    }
    let engine = engine(config, Some(adapter))?;
    let data = held_out(&engine, config)?;
    data.map(|data| score(&engine, &data, answers)).transpose()
}

fn engine(config: &TrainConfig, adapter: Option<&Path>) -> Result<Engine> {
    let device = match config.device {
        DeviceChoice::Auto => Wanted::Auto,
        DeviceChoice::Gpu => Wanted::Gpu,
        DeviceChoice::Cpu => Wanted::Cpu,
    };
    Engine::start(&Options::new(config.model.clone().into(), adapter.map(Path::to_owned), device))
}

/// The examples that a run does not train on.
fn held_out(engine: &Engine, config: &TrainConfig) -> Result<Option<Data>> {
    let file = config.eval_data.as_ref().unwrap_or(&config.data);
    let rows = eval::rows(engine, open::data(Path::new(file))?, config)?.rows;
    let found = match config.eval_data {
        Some(_) => Data::new(rows, None).map(Some),
        None => Examples::new(rows, None, config).map(|examples| examples.eval),
    };
    found.map_err(|_| anyhow!(failure(&Failure::NothingToLearn)))
}

fn outcome(seen: &Seen, out: &Path) -> Outcome {
    let memory = seen.steps.iter().filter_map(|step| step.memory.device_bytes.or(step.memory.process_bytes));
    Outcome {
        before: seen.losses.first().copied(),
        score: None,
        loss: seen.end.and_then(|end| end.best).map(|best| best.loss),
        parameters: seen.plan.as_ref().map_or(0, |plan| plan.trained_parameters),
        file_bytes: fs::metadata(out.join(WEIGHTS)).map_or(0, |about| about.len()),
        memory_bytes: memory.max(),
        seconds: seen.end.map_or(0.0, |end| end.duration_secs),
        train_losses: seen.steps.iter().map(|step| step.loss).collect(),
    }
}
