//! `smolder generate`: a text goes on.

use crate::engine::{self, Engine};
use crate::interrupt::Stopped;
use crate::output::{Output, remark};
use crate::progress::percent;
use anyhow::Result;
use smolder_formats::error::printable;
use smolder_formats::tokenizer::Specials;
use smolder_models::generate::{End, Event, Generator, Settings, Summary};
use smolder_models::open;
use smolder_models::sampling::{Sampler, Sampling};
use std::ops::ControlFlow;

/// Options of `smolder generate`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    engine: engine::Options,
    /// The text to go on with; several are written together and printed one below the other.
    #[arg(long, required = true, allow_hyphen_values = true)]
    prompt: Vec<String>,
    /// Take control tokens that the prompt spells, such as `<|im_start|>`, for what they are.
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    writing: Writing,
}

/// How a model writes.
#[derive(clap::Args)]
pub struct Writing {
    /// Tokens to add at most.
    #[arg(long, default_value_t = 512)]
    pub max_tokens: usize,
    /// How freely tokens are chosen; 0 takes the likeliest.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    temperature: f32,
    /// Only so many of the likeliest tokens; 0 for all.
    #[arg(long, default_value_t = 0)]
    top_k: usize,
    /// Only the likeliest tokens with this share of the probability between them.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    top_p: f32,
    /// Only tokens with at least this share of the likeliest one's probability.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    min_p: f32,
    /// Makes tokens that were there before less likely; 1 does nothing.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    repetition_penalty: f32,
    /// A text to stop before; may be given several times.
    #[arg(long, allow_hyphen_values = true)]
    stop: Vec<String>,
    /// The same seed gives the same text.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Writing {
    /// The settings, each in its range; nothing ends a text so far.
    pub fn settings(&self) -> Result<Settings> {
        let sampling = Sampling {
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            repetition_penalty: self.repetition_penalty,
            repetition_window: None,
            seed: self.seed,
        };
        Sampler::new(sampling.clone())?;
        Ok(Settings { sampling, max_tokens: self.max_tokens, stops: self.stop.clone(), ends: Vec::new() })
    }
}

/// Loads the model and prints what it adds to each prompt.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut settings = arguments.writing.settings()?;
    let engine = Engine::start(&arguments.engine)?;
    settings.ends.clone_from(&engine.ends);
    let specials = if arguments.raw { Specials::AsTokens } else { Specials::AsText };
    let prompt = |text: &String| open::prompt(&engine.tokenizer, text, specials);
    let prompts: Vec<Vec<u32>> = arguments.prompt.iter().map(prompt).collect();
    let mut texts = Texts { output: Output::new(), held: vec![String::new(); prompts.len()] };
    let summaries = engine.attempt(|| {
        let (model, adapter) = (&engine.model, engine.adapter.as_ref());
        let mut generator = Generator::fitting(model, adapter, &prompts, settings.max_tokens)?;
        write(&mut generator, &engine, &prompts, &settings, &mut |sequence, text| texts.add(sequence, text))
    });
    if summaries.is_ok() {
        texts.print(&arguments.prompt);
    }
    texts.output.finish()?;
    let summaries = summaries?;
    summaries.iter().for_each(report);
    if summaries.iter().any(|summary| summary.end == End::Cancelled) && engine.interrupt.flow().is_break() {
        return Err(Stopped.into());
    }
    Ok(())
}

/// Lets a generator write, with Ctrl-C watched and reading shown.
pub fn write(
    generator: &mut Generator<'_>,
    engine: &Engine,
    prompts: &[Vec<u32>],
    settings: &Settings,
    each: &mut dyn FnMut(usize, &str) -> ControlFlow<()>,
) -> Result<Vec<Summary>> {
    let mut show = percent("reading");
    let mut watch = |event: Event| {
        engine.interrupt.flow()?;
        match event {
            Event::Read { done, total } => show(done as u64, total as u64),
            Event::Piece(piece) => each(piece.sequence, piece.text)?,
        }
        ControlFlow::Continue(())
    };
    Ok(pollster::block_on(generator.run(prompts, &engine.tokenizer, settings, &mut watch))?)
}

/// One text is shown as it comes, several when all have ended.
struct Texts {
    output: Output,
    held: Vec<String>,
}

impl Texts {
    fn add(&mut self, sequence: usize, text: &str) -> ControlFlow<()> {
        if self.held.len() == 1 {
            return self.output.show(text);
        }
        self.held[sequence] += text;
        ControlFlow::Continue(())
    }

    fn print(&mut self, prompts: &[String]) {
        if self.held.len() == 1 {
            return;
        }
        for (number, (prompt, text)) in prompts.iter().zip(&self.held).enumerate() {
            let start: String = prompt.chars().take(60).collect();
            let heading = format!("== {}: {}\n", number + 1, printable(&start));
            if self.output.show(&heading).is_break() || self.output.show(text).is_break() {
                return;
            }
            self.output.end_line();
        }
    }
}

/// Says how it went, where somebody watches.
pub fn report(summary: &Summary) {
    let Summary { ids, end, read, prefill_secs, decode_secs } = summary;
    let why = match end {
        End::Token(_) => "the model ended it".to_owned(),
        End::Stop(text) => format!("stopped before {text:?}"),
        End::MaxTokens => "as many as --max-tokens allows".to_owned(),
        End::Context => "there is no room for more".to_owned(),
        End::Cancelled => "stopped".to_owned(),
    };
    let written = ids.len();
    let speed = written.saturating_sub(1) as f64 / decode_secs.max(1e-9);
    remark(&format!(
        "{read} tokens read in {prefill_secs:.2} s ({:.1} a second), {written} written, {speed:.1} a second: {why}.",
        *read as f64 / prefill_secs.max(1e-9),
    ));
}
