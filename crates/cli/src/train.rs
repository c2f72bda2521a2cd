//! The settings of `smolder train`: a configuration file, and flags that override it.

mod estimate;
mod file;
mod run;

pub use file::Settings;
pub use run::{run, train};

use crate::data::Learn;
use crate::method_flags::MethodFlags;
use anyhow::{Result, bail};
use clap::ValueEnum;
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{DeviceChoice, LossOn, ScheduleKind};
use std::path::PathBuf;

/// Options of `smolder train`. A flag that is not given leaves its setting to the file, or to the default.
#[derive(clap::Args, Default)]
#[command(allow_negative_numbers = true)]
pub struct Arguments {
    /// Settings from a TOML or JSON file, under the flags' names with _ for -; flags override it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Go on from the newest checkpoint in --out.
    #[arg(long)]
    pub resume: bool,
    /// Say what the run would take in memory and time, and stop.
    #[arg(long, conflicts_with_all = ["resume", "log_json"])]
    pub estimate: bool,
    /// Write a line of JSON for each step.
    #[arg(long, value_name = "FILE")]
    pub log_json: Option<PathBuf>,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    optimizer: Optimizer,
    #[command(flatten)]
    batches: Batches,
    #[command(flatten)]
    watching: Watching,
    #[command(flatten)]
    options: MethodFlags,
}

#[derive(clap::Args, Default)]
#[command(next_help_heading = "What is trained, and on what")]
struct Input {
    /// A GGUF file, a folder in Hugging Face's layout, a name from `smolder models`, or organisation/repository at the hub.
    #[arg(long, short)]
    model: Option<String>,
    /// JSONL, JSON, CSV, TSV or plain text.
    #[arg(long, short)]
    data: Option<String>,
    /// Rename a column, as in question=prompt; may be repeated.
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<String>,
    /// Put prompt and completion one behind the other, without the chat template.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    raw: Option<bool>,
    /// The folder for checkpoints and the adapter [default: adapter].
    #[arg(long, short)]
    out: Option<String>,
    /// What computes [default: auto].
    #[arg(long, value_enum)]
    device: Option<Device>,
    /// How the model is adapted [default: lora].
    #[arg(long)]
    method: Option<String>,
    /// Continue from this adapter.
    #[arg(long, value_name = "FOLDER")]
    adapter: Option<String>,
    /// What the loss is taken on [default: assistant].
    #[arg(long, value_enum)]
    loss_on: Option<Learn>,
    /// Decides the data's order and split, initial weights and dropout [default: 0].
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(clap::Args, Default)]
#[command(next_help_heading = "Optimizer")]
struct Optimizer {
    /// Learning rate at its peak [default: the method's].
    #[arg(long)]
    lr: Option<f64>,
    /// AdamW's decoupled weight decay [default: 0].
    #[arg(long)]
    weight_decay: Option<f64>,
    /// AdamW's decay rates of both moments [default: 0.9 0.999].
    #[arg(long, num_args = 2, value_names = ["BETA1", "BETA2"])]
    betas: Option<Vec<f64>>,
    /// AdamW's epsilon [default: 1e-8].
    #[arg(long)]
    eps: Option<f64>,
    /// The gradient's largest norm; 0 for any [default: 1].
    #[arg(long)]
    clip: Option<f64>,
    /// How the learning rate changes [default: constant].
    #[arg(long, value_enum)]
    schedule: Option<Schedule>,
    /// Steps over which the learning rate grows.
    #[arg(long)]
    warmup_steps: Option<u64>,
    /// The same as a share of all steps.
    #[arg(long)]
    warmup_ratio: Option<f64>,
    /// Share of all steps in which wsd decays [default: 0.1].
    #[arg(long)]
    decay_ratio: Option<f64>,
    /// What is left of the learning rate at the end [default: 0].
    #[arg(long)]
    final_share: Option<f64>,
}

#[derive(clap::Args, Default)]
#[command(next_help_heading = "Steps and batches")]
struct Batches {
    /// Optimizer steps.
    #[arg(long)]
    steps: Option<u64>,
    /// Passes over the data [default: 3].
    #[arg(long)]
    epochs: Option<f64>,
    /// Rows of a micro-batch [default: 8].
    #[arg(long)]
    batch_size: Option<u32>,
    /// Tokens of a micro-batch at most, instead of a number of rows.
    #[arg(long)]
    batch_tokens: Option<u32>,
    /// Micro-batches of a step [default: 1].
    #[arg(long)]
    grad_accum: Option<u32>,
    /// Tokens of a row at most [default: 1024].
    #[arg(long)]
    seq_len: Option<u32>,
    /// Let short documents share a row.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    packing: Option<bool>,
    /// Take the rows in the file's order in every epoch.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_shuffle: Option<bool>,
}

#[derive(clap::Args, Default)]
#[command(next_help_heading = "Evaluation, checkpoints and samples")]
struct Watching {
    /// Evaluate on this file.
    #[arg(long, value_name = "FILE")]
    eval_data: Option<String>,
    /// Keep this share of the data back and evaluate on it.
    #[arg(long)]
    eval_split: Option<f64>,
    /// Steps between evaluations [default: an epoch].
    #[arg(long)]
    eval_every: Option<u64>,
    /// Stop after this many evaluations without a better loss.
    #[arg(long)]
    patience: Option<u32>,
    /// Steps between checkpoints [default: 50].
    #[arg(long)]
    checkpoint_every: Option<u64>,
    /// How many of the newest checkpoints are kept [default: 2].
    #[arg(long)]
    keep: Option<u32>,
    /// Keep and export the checkpoint of the best evaluation [default: true].
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    keep_best: Option<bool>,
    /// Answer this prompt while training; may be repeated.
    #[arg(long = "sample", value_name = "PROMPT")]
    samples: Vec<String>,
    /// Steps between samples [default: at the start and at the end].
    #[arg(long)]
    sample_every: Option<u64>,
    /// Tokens of a sample at most [default: 64].
    #[arg(long)]
    sample_tokens: Option<u32>,
}

/// [`DeviceChoice`] on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub enum Device {
    /// The faster one, measured
    Auto,
    /// The GPU, or nothing
    Gpu,
    /// The CPU
    Cpu,
}

impl From<Device> for DeviceChoice {
    fn from(device: Device) -> Self {
        match device {
            Device::Auto => Self::Auto,
            Device::Gpu => Self::Gpu,
            Device::Cpu => Self::Cpu,
        }
    }
}

/// [`ScheduleKind`] on the command line.
#[derive(Clone, Copy, ValueEnum)]
enum Schedule {
    /// It stays
    Constant,
    /// It falls along a line
    Linear,
    /// It falls along half a cosine
    Cosine,
    /// It stays, and falls at the end
    Wsd,
}

impl From<Schedule> for ScheduleKind {
    fn from(schedule: Schedule) -> Self {
        match schedule {
            Schedule::Constant => Self::Constant,
            Schedule::Linear => Self::Linear,
            Schedule::Cosine => Self::Cosine,
            Schedule::Wsd => Self::Wsd,
        }
    }
}

impl From<Learn> for LossOn {
    fn from(learn: Learn) -> Self {
        match learn {
            Learn::Assistant => Self::Assistant,
            Learn::All => Self::All,
            Learn::Completion => Self::Completion,
            Learn::LastTurn => Self::LastTurn,
        }
    }
}

/// An adapter that is continued stays what it is.
fn continued(config: &TrainConfig, method: bool) -> Result<()> {
    let names = config.options.keys().map(String::as_str).chain(method.then_some("method"));
    let names: Vec<&str> = names.filter(|_| config.adapter.is_some()).collect();
    if names.is_empty() {
        return Ok(());
    }
    bail!("an adapter is continued as it is: leave out {}, or --adapter", names.join(", "))
}

/// The settings, where they can train.
pub fn checked(config: TrainConfig) -> Result<TrainConfig> {
    let problems = config.problems();
    if problems.is_empty() {
        return Ok(config);
    }
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    bail!("these settings cannot train:\n{}", lines.join("\n"))
}

impl Arguments {
    /// All settings, checked.
    pub fn settings(self) -> Result<Settings> {
        let mut settings = self.config.as_deref().map(file::read).transpose()?.unwrap_or_default();
        settings.resume |= self.resume;
        set(&mut settings.log_json, self.log_json.clone().map(Some));
        let method = self.input.method.is_some();
        self.override_in(&mut settings.config);
        let config = checked(settings.config)?;
        continued(&config, method)?;
        Ok(Settings { config, ..settings })
    }

    fn override_in(self, config: &mut TrainConfig) {
        self.input.override_in(config);
        self.optimizer.override_in(config);
        self.batches.override_in(config);
        self.watching.override_in(config);
        config.options.extend(self.options.0);
    }
}

impl Input {
    fn override_in(self, config: &mut TrainConfig) {
        if self.method.as_ref().is_some_and(|method| *method != config.method) {
            // They are another method's.
            config.options.clear();
        }
        set(&mut config.method, self.method);
        set(&mut config.model, self.model);
        set(&mut config.data, self.data);
        set_list(&mut config.map, self.map);
        set(&mut config.raw, self.raw);
        set(&mut config.out, self.out);
        set(&mut config.device, self.device.map(Into::into));
        set(&mut config.adapter, self.adapter.map(Some));
        set(&mut config.loss_on, self.loss_on.map(Into::into));
        set(&mut config.seed, self.seed);
    }
}

impl Optimizer {
    fn override_in(self, config: &mut TrainConfig) {
        set(&mut config.lr, self.lr.map(Some));
        set(&mut config.weight_decay, self.weight_decay);
        set(&mut config.betas, self.betas.and_then(|betas| betas.try_into().ok()));
        set(&mut config.eps, self.eps);
        set(&mut config.clip, self.clip);
        set(&mut config.schedule, self.schedule.map(Into::into));
        if self.warmup_steps.is_some() || self.warmup_ratio.is_some() {
            config.warmup_steps = self.warmup_steps.unwrap_or_default();
            config.warmup_ratio = self.warmup_ratio.unwrap_or_default();
        }
        set(&mut config.decay_ratio, self.decay_ratio);
        set(&mut config.final_share, self.final_share);
    }
}

impl Batches {
    fn override_in(self, config: &mut TrainConfig) {
        set_either(&mut config.steps, &mut config.epochs, self.steps, self.epochs);
        set_either(&mut config.batch_size, &mut config.batch_tokens, self.batch_size, self.batch_tokens);
        set(&mut config.grad_accum, self.grad_accum);
        set(&mut config.seq_len, self.seq_len);
        set(&mut config.packing, self.packing);
        set(&mut config.shuffle, self.no_shuffle.map(|keep_order| !keep_order));
    }
}

impl Watching {
    fn override_in(self, config: &mut TrainConfig) {
        set_either(&mut config.eval_data, &mut config.eval_split, self.eval_data, self.eval_split);
        set(&mut config.eval_every, self.eval_every.map(Some));
        set(&mut config.patience, self.patience.map(Some));
        set(&mut config.checkpoint_every, self.checkpoint_every);
        set(&mut config.keep, self.keep);
        set(&mut config.keep_best, self.keep_best);
        set_list(&mut config.samples, self.samples);
        set(&mut config.sample_every, self.sample_every.map(Some));
        set(&mut config.sample_tokens, self.sample_tokens);
    }
}

fn set<T>(setting: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *setting = value;
    }
}

fn set_list(setting: &mut Vec<String>, flag: Vec<String>) {
    if !flag.is_empty() {
        *setting = flag;
    }
}

/// Two settings that exclude each other: a flag for one overrides either in the file.
fn set_either<A, B>(one: &mut Option<A>, other: &mut Option<B>, flag: Option<A>, other_flag: Option<B>) {
    if flag.is_some() || other_flag.is_some() {
        (*one, *other) = (flag, other_flag);
    }
}

#[cfg(test)]
mod tests;
