//! Whole steps of training: a LoRA of rank 8 on every linear layer.

use crate::clock::{Stopwatch, peak_bytes};
use crate::contest::{best, wait};
use crate::error::BenchError;
use crate::generate::{Loaded, device_bytes, megabytes, speeds, tokens as ids};
use crate::report::{Better, Figure, Part};
use crate::stock::Stock;
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
    let (mut figures, mut measured) = (Vec::new(), Vec::new());
    for tokens in TOKENS {
        let (mut samples, mut dispatches) = (Vec::new(), 0);
        for _ in 0..=STEPS {
            let (watch, before) = (Stopwatch::start(), launches());
            adapter = step(loaded, adapter.as_ref(), &mut optimizer, tokens).await?;
            samples.push(watch.spent());
            dispatches = launches() - before;
        }
        figures.extend(speeds(&name(tokens), tokens, &samples));
        if dispatches > 0 {
            let each = dispatches as f64 / model.config().layers.len() as f64;
            let name = format!("{}: our dispatches a layer", name(tokens));
            figures.push(Figure::new(name, each, "", Better::Lower));
        }
        let memory = [("device", device_bytes(model.device())), ("process", peak_bytes())];
        figures.extend(memory.into_iter().filter_map(|(of, bytes)| {
            Some(megabytes(&format!("{}: {of} memory at most", name(tokens)), bytes?))
        }));
        measured.push(tokens);
        if best(&samples).wall > TOO_LONG {
            break;
        }
    }
    drop((adapter, optimizer));
    beside_stock(loaded, &measured, &mut figures).await?;
    Ok(Part { name: "train".to_owned(), figures, ..Part::default() })
}

/// The same steps from burn's own operations, put beside ours. Last, because its dense weights take memory.
async fn beside_stock(loaded: &Loaded, tokens: &[usize], figures: &mut [Figure]) -> Result<(), BenchError> {
    let mut stock = Stock::new(&loaded.model.config().sizes, loaded.model.device());
    for &tokens in tokens {
        let ids: Vec<i32> = ids(&loaded.model, tokens + 1).into_iter().map(u32::cast_signed).collect();
        let mut samples = Vec::new();
        for _ in 0..=STEPS {
            let watch = Stopwatch::start();
            wait(stock.step(&ids, 1e-4)).await?;
            samples.push(watch.spent());
            if samples[0].wall > 4.0 * TOO_LONG {
                break;
            }
        }
        for rival in speeds(&name(tokens), tokens, &samples) {
            let ours = figures.iter_mut().filter(|figure| figure.name == rival.name);
            ours.for_each(|figure| figure.rivals.push(("burn's operations".to_owned(), rival.value)));
        }
    }
    Ok(())
}

fn name(tokens: usize) -> String {
    format!("LoRA step of {tokens} tokens")
}

/// One step, until its loss and gradient norm are known.
async fn step(
    loaded: &Loaded,
    adapter: &dyn Adapter,
    optimizer: &mut Optimizer,
    tokens: usize,
) -> Result<Box<dyn Adapter>, BenchError> {
    let sequence = Sequence { ids: ids(&loaded.model, tokens), mask: vec![true; tokens] };
    let found = gradients(&loaded.model, adapter, &[sequence], ((tokens - 1) as f32).recip());
    let norm = optimizer.measure(&found.values).ok_or(BenchError::NoGradient)?;
    let next = optimizer.update(adapter, found.values, &norm, 1e-4);
    wait(found.loss).await?;
    wait(norm.norm).await?;
    Ok(next)
}
