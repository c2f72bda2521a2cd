//! Gradients and losses of the methods that PEFT knows are PEFT's.

use crate::runs::{Run, runs};
use smolder_kernels::burn::tensor::Tensor;
use smolder_models::Model;
use smolder_models::peft::{Adapter, Progress, Update};
use smolder_tests::{TestDevice, on_every_device, values};
use smolder_trainer::data::Sequence;
use smolder_trainer::optimizer::{Norm, Optimizer, Settings, follow};
use smolder_trainer::step::{gradients, gradients_keeping};
use std::convert::Infallible;

on_every_device!(gradients_are_those_of_peft, kept_layers_give_the_same_bits, ten_steps_are_those_of_peft);

pub fn labels(batch: &[Sequence]) -> usize {
    batch.iter().map(Sequence::labels).sum()
}

/// One over the number of labels.
pub fn scale(batch: &[Sequence]) -> f32 {
    (labels(batch) as f32).recip()
}

/// An update, and what the method does behind it.
pub async fn advance(
    optimizer: &mut Optimizer,
    adapter: Box<dyn Adapter>,
    gradients: Vec<Option<Tensor<2>>>,
    (norm, rate): (Norm, f64),
    progress: Progress,
) -> Box<dyn Adapter> {
    let adapter = optimizer.update(adapter.as_ref(), gradients.clone(), &norm, rate);
    let update = Update { gradients: &gradients, factor: norm.factor, progress };
    let Ok(adapter) =
        follow(adapter, &update, async |scores| Ok::<_, Infallible>(values(scores).await)).await;
    adapter
}

/// √Σv²
pub fn norm(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

/// ‖found − expected‖ ≤ 1e-3·‖expected‖
fn assert_near(name: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let error = norm(found.iter().zip(expected).map(|(a, b)| a - b));
    let size = norm(expected.iter().copied());
    // Of what AdaLoRA leaves nothing of, all is 0.
    let whole = size > 0.0 || name.ends_with(".lora_E");
    assert!(whole && error <= 1e-3 * size, "{name}: off by {error:e} of {size:e}");
}

async fn gradients_are_those_of_peft(device: &TestDevice) {
    let mut compared = 0;
    for run in runs() {
        let Some(expected) = run.gradients() else { continue };
        let model = run.model(&device.device).await;
        let adapter = run.start(&model);
        let batch = &run.batches()[0];
        let found = gradients(&model, adapter.as_ref(), batch, scale(batch));
        let loss = f64::from(values(found.loss).await[0]) * f64::from(scale(batch));
        let first = run.numbers("losses")[0];
        assert!((loss - first).abs() <= 1e-4 * first, "{}: loss {loss}, expected {first}", run.name);
        assert_eq!(adapter.parameters().len(), expected.len());
        for (parameter, gradient) in adapter.parameters().iter().zip(found.values) {
            let gradient = values(gradient.expect("a gradient")).await;
            assert_near(&format!("{} {}", run.name, parameter.key), &gradient, &expected[&parameter.key]);
        }
        compared += 1;
    }
    assert!(compared >= 4, "{compared} runs with gradients");
}

async fn kept_layers_give_the_same_bits(device: &TestDevice) {
    for run in runs() {
        let model = run.model(&device.device).await;
        let adapter = run.start(&model);
        let batch = &run.batches()[0];
        let mut seen = Vec::new();
        for kept in 0..=model.config().layers.len() {
            let found = gradients_keeping(kept, &model, adapter.as_ref(), batch, scale(batch));
            let mut bits = vec![values(found.loss).await];
            for gradient in found.values {
                bits.push(values(gradient.expect("a gradient")).await);
            }
            seen.push(bits);
        }
        assert!(seen.len() > 2 && seen.windows(2).all(|pair| pair[0] == pair[1]), "{}", run.name);
    }
}

/// Loss and gradient norm of each of a run's first `count` steps, and the adapter after them.
pub async fn train(
    run: &Run,
    model: &Model,
    mut adapter: Box<dyn Adapter>,
    count: usize,
) -> (Vec<[f64; 2]>, Box<dyn Adapter>) {
    let settings = Settings {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: run.number("weight_decay"),
        clip: run.number("clip") as f32,
    };
    let rates = run.rates(adapter.as_ref());
    let mut optimizer = Optimizer::new(settings, adapter.as_ref()).with_rates(rates);
    let mut steps = Vec::new();
    for (at, batch) in (1..).zip(run.batches().iter().take(count)) {
        let found = gradients(model, adapter.as_ref(), batch, scale(batch));
        let loss = f64::from(values(found.loss).await[0]) * f64::from(scale(batch));
        let norm = optimizer.measure(&found.values).expect("a norm");
        steps.push([loss, f64::from(values(norm.norm.clone()).await[0])]);
        let progress = Progress { step: at, steps: run.batches().len() as u64 };
        adapter = advance(&mut optimizer, adapter, found.values, (norm, run.number("rate")), progress).await;
    }
    (steps, adapter)
}

/// The largest relative errors of losses and of gradient norms.
pub fn errors(run: &Run, steps: &[[f64; 2]]) -> [f64; 2] {
    let error = |of: usize, key: &str| {
        let pairs = steps.iter().zip(run.numbers(key));
        let relative = pairs.map(|(step, expected)| (step[of] - expected).abs() / expected);
        // NaN is larger than any number here, unlike in `f64::max`.
        relative.max_by(f64::total_cmp).expect("a step")
    };
    [error(0, "losses"), error(1, "gradient_norms")]
}

async fn ten_steps_are_those_of_peft(device: &TestDevice) {
    for run in runs() {
        let model = run.model(&device.device).await;
        let (steps, adapter) = train(&run, &model, run.start(&model), 10).await;
        let errors = errors(&run, &steps);
        assert!(steps.len() == 10 && errors.iter().all(|error| *error <= 1e-3), "{}: {errors:?}", run.name);
        let Some(end) = run.end() else { continue };
        for parameter in adapter.parameters() {
            let found = values(parameter.value).await;
            assert_near(&format!("{} {}", run.name, parameter.key), &found, &end[&parameter.key]);
        }
    }
}
