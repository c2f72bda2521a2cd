//! `smolder pretrain`: a tiny model from a text.

use crate::interrupt::{Interrupt, Stopped};
use crate::output::{answer, tell};
use crate::quantization::Quantization;
use crate::whole::{Whole, spare};
use anyhow::{Context, Error, Result};
use smolder_formats::inspect::size;
use smolder_kernels::burn::tensor::Device;
use smolder_trainer::pretrain::{PretrainError, Progress, Settings, pretrain};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// Options of `smolder pretrain`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Plain text, its documents apart by <|endoftext|>.
    #[arg(long, short)]
    data: PathBuf,
    /// The GGUF file to write.
    #[arg(long, short)]
    out: PathBuf,
    /// How matrices are stored.
    #[arg(long = "type", value_enum, default_value_t = Quantization::Q8_0)]
    dtype: Quantization,
    /// The model's name in the file [default: the file's].
    #[arg(long)]
    name: Option<String>,
    /// Its licence, as an SPDX identifier.
    #[arg(long)]
    licence: Option<String>,
    /// Whom or what it is made from.
    #[arg(long)]
    description: Option<String>,
    /// Tokens of the vocabulary.
    #[arg(long, default_value_t = 2048)]
    vocabulary: u64,
    /// Width of the residual stream.
    #[arg(long, default_value_t = 160)]
    width: u64,
    /// Blocks.
    #[arg(long, default_value_t = 6)]
    layers: u64,
    /// Heads.
    #[arg(long, default_value_t = 5)]
    heads: u64,
    /// Width inside the feed-forward block.
    #[arg(long, default_value_t = 448)]
    feed_forward: u64,
    /// Tokens of the longest sequence.
    #[arg(long, default_value_t = 256)]
    context: u64,
    /// Optimizer steps.
    #[arg(long, default_value_t = 2000)]
    steps: u64,
    /// Tokens of a step.
    #[arg(long, default_value_t = 2048)]
    batch_tokens: usize,
    /// Learning rate at its peak.
    #[arg(long, default_value_t = 3e-3)]
    lr: f64,
    /// `AdamW`'s decoupled weight decay.
    #[arg(long, default_value_t = 0.1)]
    weight_decay: f64,
    /// Share of the tokens that is seen as conversations made of the text.
    #[arg(long, default_value_t = 0.25)]
    chat_share: f64,
    /// Share of the text, its end, that is not trained on.
    #[arg(long, default_value_t = 0.05)]
    held_out: f64,
    /// Decides weights, order and conversations.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Trains on the CPU, saying how the loss falls, and writes the file.
pub fn run(arguments: &Arguments) -> Result<()> {
    let text = fs::read_to_string(&arguments.data)
        .with_context(|| format!("{} cannot be read", arguments.data.display()))?;
    spare(&arguments.out, &[&arguments.data])?;
    let whole = Whole::create(&arguments.out)?;
    let interrupt = Interrupt::watch()?;
    let start = Instant::now();
    let mut watch = |progress| {
        report(progress, start);
        interrupt.flow()
    };
    let settings = arguments.settings();
    let trained = pollster::block_on(pretrain(&text, &settings, &Device::flex(), &mut watch));
    let trained = trained.map_err(|error| match error {
        PretrainError::Cancelled => Error::new(Stopped),
        other => other.into(),
    })?;
    let more = [("general.license", &arguments.licence), ("general.description", &arguments.description)];
    let more: Vec<(&str, &str)> =
        more.iter().filter_map(|(key, value)| Some((*key, value.as_deref()?))).collect();
    let bytes = whole.write(|out| {
        let written = pollster::block_on(trained.write(&more, out));
        Ok(written.map(drop)?)
    })?;
    let (file, loss) = (arguments.out.display(), trained.held_out_loss);
    answer(&format!("{file}: {}, {loss:.3} nats a token on held-out text", size(bytes)))
}

impl Arguments {
    fn settings(&self) -> Settings {
        let stem = self.out.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        Settings {
            name: self.name.clone().or(stem).unwrap_or_default(),
            vocabulary: self.vocabulary,
            width: self.width,
            layers: self.layers,
            heads: self.heads,
            feed_forward: self.feed_forward,
            context: self.context,
            steps: self.steps,
            batch_tokens: self.batch_tokens,
            rate: self.lr,
            weight_decay: self.weight_decay,
            chat_share: self.chat_share,
            held_out: self.held_out,
            seed: self.seed,
            dtype: self.dtype.into(),
        }
    }
}

fn report(progress: Progress, start: Instant) {
    let secs = start.elapsed().as_secs();
    match progress {
        Progress::Begin { vocabulary, tokens, parameters } => {
            tell!("{vocabulary} tokens in the vocabulary, {tokens} in the text, {parameters} parameters");
        }
        Progress::Step { step, loss, rate } => {
            tell!("step {step}  loss {loss:.3}  rate {rate:.1e}  {secs} s");
        }
        Progress::HeldOut { loss } => tell!("on held-out text  loss {loss:.3}  {secs} s"),
    }
}
