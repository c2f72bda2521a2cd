//! `smolder compare`: methods beside each other, on the same examples.

mod table;

use crate::interrupt::Stopped;
use crate::output::{answer, tell};
use crate::train::{self, Settings, train};
use crate::train_view::Screen;
use anyhow::{Result, bail, ensure};
use smolder_models::peft::{METHODS, Method};
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{End, Plan, StepReport, TrainEvent};
use std::fs;
use std::path::Path;
use table::{Outcome, Row, json, table};

/// Where the adapters go, unless it is said.
const OUT: &str = "comparison";
/// The share of the examples that is held out, unless there are others to evaluate on.
const HELD_OUT: f64 = 0.1;
const WEIGHTS: &str = "adapter_model.safetensors";

/// Options of `smolder compare`: those of a run, which all methods share, but for a method's own.
#[derive(clap::Args)]
#[group(id = "comparison")]
pub struct Arguments {
    /// Which methods, as in lora,dora; all for every one.
    #[arg(long, default_value = "all", value_delimiter = ',')]
    methods: Vec<String>,
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
    let (mut rows, mut ended) = (Vec::new(), Ok(()));
    for (at, method) in methods.iter().enumerate() {
        tell!("{} ({} of {})", method.name, at + 1, methods.len());
        match compared(method, &config, &out(method)) {
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
fn compared(method: &'static Method, config: &TrainConfig, out: &Path) -> Result<Row> {
    let config = TrainConfig {
        method: method.name.to_owned(),
        out: out.to_string_lossy().into_owned(),
        ..config.clone()
    };
    let (mut screen, mut seen) = (Screen::open(None, false)?, Seen::default());
    let ended = train((config, false), &mut |event| {
        seen.take(event);
        screen.show(event)
    });
    match ended {
        Ok(()) => Ok(Row { method: method.name, outcome: Ok(outcome(&seen, out)) }),
        Err(error) if error.is::<Stopped>() => Err(error),
        Err(error) => {
            let reason = format!("{error:#}");
            tell!("{}: {reason}", method.name);
            Ok(Row { method: method.name, outcome: Err(reason) })
        }
    }
}

fn outcome(seen: &Seen, out: &Path) -> Outcome {
    let memory = seen.steps.iter().filter_map(|step| step.memory.device_bytes.or(step.memory.process_bytes));
    Outcome {
        before: seen.losses.first().copied(),
        loss: seen.end.and_then(|end| end.best).map(|best| best.loss),
        parameters: seen.plan.as_ref().map_or(0, |plan| plan.trained_parameters),
        file_bytes: fs::metadata(out.join(WEIGHTS)).map_or(0, |about| about.len()),
        memory_bytes: memory.max(),
        seconds: seen.end.map_or(0.0, |end| end.duration_secs),
        train_losses: seen.steps.iter().map(|step| step.loss).collect(),
    }
}
