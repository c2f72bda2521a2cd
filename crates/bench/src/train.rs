//! Whole steps of training: a LoRA of rank 8 on every linear layer.

use crate::clock::Stopwatch;
use crate::contest::{best, wait};
use crate::error::BenchError;
use crate::generate::{Loaded, device_bytes, megabytes};
use crate::report::{Better, Figure, Part};
use serde_json::Map;
use smolder_kernels::wgsl::launches;
use smolder_models::peft::{Adapter, Fresh, Method, Options, load};
use smolder_trainer::data::Sequence;
use smolder_trainer::optimizer::{Optimizer, Settings};
use smolder_trainer::step::gradients;

/// Tokens of a step; longer ones are left out where the first takes long.
const TOKENS: [usize; 2] = [128, 512];
const TOO_LONG: f64 = 8.0;
const STEPS: usize = 3;

/// Measures steps of several lengths.
///
/// # Errors
/// [`BenchError`] where the device fails.
pub async fn train(loaded: &Loaded) -> Result<Part, BenchError> {
    let model = &loaded.model;
    let method = Method::find("lora")?;
    let encode = |text: &str| loaded.tokenizer.encode_text(text);
    let options = Options::new(method.options, &Map::new())?;
    let fresh = Fresh { options: &options, model, seed: 1, encode: &encode, base: "the base" };
    let mut adapter = load(&method.fresh(fresh).await?, model)?;
    let settings = Settings { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, clip: 1.0 };
    let mut optimizer = Optimizer::new(settings, adapter.as_ref());
    let mut figures = Vec::new();
    for tokens in TOKENS {
        let (mut samples, mut dispatches) = (Vec::new(), 0);
        for _ in 0..=STEPS {
            let (watch, before) = (Stopwatch::start(), launches());
            adapter = step(loaded, adapter.as_ref(), &mut optimizer, tokens).await?;
            samples.push(watch.spent());
            dispatches = launches() - before;
        }
        let best = best(&samples);
        let speed =
            |name: String, secs: f64| Figure::new(name, tokens as f64 / secs, "tokens/s", Better::Higher);
        let name = format!("LoRA step of {tokens} tokens");
        figures.push(speed(name.clone(), best.wall));
        if best.cpu > 0.0 {
            figures.push(speed(format!("{name}, a processor second"), best.cpu));
        }
        if dispatches > 0 {
            let each = dispatches as f64 / model.config().layers.len() as f64;
            figures.push(Figure::new(format!("{name}: our dispatches a layer"), each, "", Better::Lower));
        }
        if let Some(bytes) = device_bytes(model.device()) {
            figures.push(megabytes(&format!("{name}: device memory"), bytes));
        }
        if best.wall > TOO_LONG {
            break;
        }
    }
    Ok(Part { name: "train".to_owned(), figures, ..Part::default() })
}

/// One step, until its loss and gradient norm are known.
async fn step(
    loaded: &Loaded,
    adapter: &dyn Adapter,
    optimizer: &mut Optimizer,
    tokens: usize,
) -> Result<Box<dyn Adapter>, BenchError> {
    let ids = (0..tokens as u32).map(|at| 1000 + 37 * at % 40_000).collect();
    let sequence = Sequence { ids, mask: vec![true; tokens] };
    let found = gradients(&loaded.model, adapter, &[sequence], ((tokens - 1) as f32).recip());
    let norm = optimizer.measure(&found.values).ok_or(BenchError::NoGradient)?;
    let next = optimizer.update(adapter, found.values, &norm, 1e-4);
    wait(found.loss).await?;
    wait(norm.norm).await?;
    Ok(next)
}
