//! A model that reads and writes: speed, memory, and how long the first token takes.

use crate::clock::{Spent, Stopwatch, peak_bytes};
use crate::contest::best;
use crate::error::BenchError;
use crate::report::{Better, Figure, Part};
use smolder_formats::tokenizer::Tokenizer;
use smolder_kernels::burn::tensor::Device;
use smolder_kernels::wgsl::launches;
use smolder_models::generate::{Event, Generator, Settings};
use smolder_models::peft::Base;
use smolder_models::{Model, Opened};
use std::io::{Read, Seek};
use std::ops::ControlFlow;

/// Tokens that are read.
const PREFILL: [usize; 2] = [200, 512];
/// Tokens that are written, and those before them.
const DECODE: usize = 64;
const PROMPT: usize = 16;
/// The context whose memory counts.
const CONTEXT: usize = 512;
const ROUNDS: usize = 4;

/// A model that is ready.
#[derive(Debug)]
pub struct Loaded {
    /// The model.
    pub model: Model,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// What its start took, and the memory that it has.
    pub figures: Vec<Figure>,
}

/// Loads a model and writes its first token. `before` is what the caller has spent, by name, in seconds.
///
/// # Errors
/// [`BenchError`] where the model cannot be loaded or used.
pub async fn start<R: Read + Seek>(
    mut opened: Opened<R>,
    device: &Device,
    before: &[(&str, f64)],
) -> Result<Loaded, BenchError> {
    let watch = Stopwatch::start();
    let config = opened.config.clone();
    let go_on = &mut |_, _| ControlFlow::Continue(());
    let model = Model::load(opened.weights.source(), config, device, go_on).await?;
    let loading = watch.spent().wall;
    let mut figures = Vec::new();
    if let Some(bytes) = device_bytes(device) {
        figures.push(megabytes("device memory, loaded", bytes));
    }
    let watch = Stopwatch::start();
    write(&model, &opened.tokenizer, PROMPT, 1, PROMPT + 1).await?;
    let first = watch.spent().wall;
    let parts = before.iter().copied().chain([("loading", loading), ("16 tokens and the first", first)]);
    let parts: Vec<(&str, f64)> = parts.collect();
    let seconds = |name: String, secs: f64| Figure::new(name, secs, "s", Better::Lower);
    let total = parts.iter().map(|(_, secs)| secs).sum();
    figures.push(seconds("from start to first token".to_owned(), total));
    figures.extend(parts.into_iter().map(|(name, secs)| seconds(format!("… of that {name}"), secs)));
    Ok(Loaded { model, tokenizer: opened.tokenizer, figures })
}

/// Measures reading and writing in turns, and the memory at a context of 512 tokens.
///
/// # Errors
/// [`BenchError`] where the device fails.
pub async fn generate(loaded: &Loaded, file_bytes: u64) -> Result<Part, BenchError> {
    let Loaded { model, tokenizer, figures } = loaded;
    let mut figures = figures.clone();
    let mut prefill = [Vec::new(), Vec::new()];
    let mut decode = Vec::new();
    let mut dispatches = 0;
    for _ in 0..ROUNDS {
        for (count, samples) in PREFILL.into_iter().zip(&mut prefill) {
            samples.push(write(model, tokenizer, count, 1, count + 1).await?[0]);
        }
        let before = launches();
        decode.push(write(model, tokenizer, PROMPT, DECODE, PROMPT + DECODE).await?[1]);
        dispatches = launches() - before;
    }
    for (count, samples) in PREFILL.into_iter().zip(&prefill) {
        figures.extend(speeds(&format!("reading {count} tokens"), count, samples));
    }
    figures.extend(speeds("writing, one token after another", DECODE - 1, &decode));
    if dispatches > 0 {
        let each = dispatches as f64 / DECODE as f64 / model.config().layers.len() as f64;
        figures.push(Figure::new("our dispatches, a token and layer", each, "", Better::Lower));
    }
    write(model, tokenizer, CONTEXT - DECODE, 2, CONTEXT).await?;
    if let Some(bytes) = device_bytes(model.device()) {
        figures.push(megabytes("device memory at a context of 512", bytes).to_reach(180.0));
    }
    if let Some(bytes) = peak_bytes() {
        let most = 1.5 * file_bytes as f64 * 1e-6 + 150.0;
        figures.push(megabytes("process memory at most", bytes).to_reach(most));
    }
    Ok(Part { name: "generate".to_owned(), figures, ..Part::default() })
}

/// What reading and what writing took, with the processors' time shared out by the clock.
async fn write(
    model: &Model,
    tokenizer: &Tokenizer,
    prompt: usize,
    count: usize,
    capacity: usize,
) -> Result<[Spent; 2], BenchError> {
    let settings = Settings { max_tokens: count, ..Settings::default() };
    let mut generator = Generator::new(model, &Base, 1, capacity)?;
    let watch = Stopwatch::start();
    let mut first = None;
    let mut each = |event: Event| {
        if matches!(event, Event::Piece(_)) {
            first.get_or_insert_with(|| watch.spent());
        }
        ControlFlow::Continue(())
    };
    generator.run(&[tokens(model, prompt)], tokenizer, &settings, &mut each).await?;
    let (all, first) = (watch.spent(), first.unwrap_or_default());
    Ok([first, Spent { wall: all.wall - first.wall, cpu: all.cpu - first.cpu }])
}

/// Ids that any text of this length might have.
pub(crate) fn tokens(model: &Model, count: usize) -> Vec<u32> {
    (0..count as u32).map(|at| (1000 + 37 * at % 40_000) % model.vocabulary() as u32).collect()
}

/// Tokens a second at best, and a processor second where the platform tells.
pub(crate) fn speeds(name: &str, tokens: usize, samples: &[Spent]) -> Vec<Figure> {
    let best = best(samples);
    let speed = |name: String, secs: f64| Figure::new(name, tokens as f64 / secs, "tokens/s", Better::Higher);
    let mut figures = vec![speed(name.to_owned(), best.wall)];
    if best.cpu > 0.0 {
        figures.push(speed(format!("{name}, a processor second"), best.cpu));
    }
    figures
}

pub(crate) fn megabytes(name: &str, bytes: u64) -> Figure {
    Figure::new(name, bytes as f64 * 1e-6, "MB", Better::Lower)
}

/// Memory that the device has set apart for tensors, which never shrinks by itself.
pub(crate) fn device_bytes(device: &Device) -> Option<u64> {
    device.memory_pool_usage().map(|usage| usage.bytes_reserved)
}
