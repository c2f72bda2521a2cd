//! LoRA's dropout: the backward pass leaves out what the forward pass left out.

use crate::runs::runs;
use smolder_formats::adapter::PeftAdapter;
use smolder_models::peft::{Adapter, load};
use smolder_tests::fixtures::{bytes, source};
use smolder_tests::{TestDevice, on_every_device, probes, tensor, values};
use smolder_trainer::data::Sequence;
use smolder_trainer::step::{gradients, loss};

on_every_device!(gradients_are_slopes_of_the_same_loss, gradients_of_the_ends_are_slopes_too);

async fn gradients_are_slopes_of_the_same_loss(device: &TestDevice) {
    check(device, "llama-lora/start", 5).await;
}

/// Nothing is left out of the embedding, and other numbers in each part of the head's rows.
async fn gradients_of_the_ends_are_slopes_too(device: &TestDevice) {
    check(device, "llama-ends/start", 1).await;
}

/// An adapter with dropout.
fn with_dropout(adapter: &str, rate: f64) -> PeftAdapter {
    let folder = format!("training/tiny/{adapter}");
    let config = bytes(&format!("{folder}/adapter_config.json"));
    let weights = source(&format!("{folder}/adapter_model.safetensors"));
    let mut adapter = PeftAdapter::read(weights, Some(&config)).unwrap();
    adapter.config.raw.insert("lora_dropout".to_owned(), rate.into());
    adapter
}

async fn check(device: &TestDevice, adapter: &str, every: usize) {
    let run = runs().into_iter().find(|run| run.text("adapter") == Some(adapter)).unwrap();
    let model = run.model(&device.device).await;
    let plain = load(&with_dropout(adapter, 0.4), &model).unwrap();
    let batch: Vec<Sequence> = run.batches()[0].clone();
    let of = async |adapter: &dyn Adapter| f64::from(values(loss(&model, adapter, &batch)).await[0]);
    let thinned = plain.training(7).expect("dropout");
    let (whole, first) = (of(plain.as_ref()).await, of(thinned.as_ref()).await);
    let again = of(plain.training(7).unwrap().as_ref()).await;
    let other = of(plain.training(8).unwrap().as_ref()).await;
    assert_eq!(first.to_bits(), again.to_bits(), "a seed decides");
    for (one, another) in [(first, whole), (first, other), (other, whole)] {
        assert!((one - another).abs() > 1e-4 * whole, "{one} {another}: numbers are left out at random");
    }
    let found = gradients(&model, thinned.as_ref(), &batch, 1.0);
    assert!((f64::from(values(found.loss).await[0]) - of(thinned.as_ref()).await).abs() <= 1e-4 * whole);
    for (at, gradient) in found.values.into_iter().enumerate().step_by(every) {
        let gradient = values(gradient.expect("a gradient")).await;
        let size = gradient.iter().fold(0.0_f32, |size, value| size.max(value.abs()));
        for index in probes(gradient.len()) {
            let slope = slope(thinned.as_ref(), at, index, &of).await;
            let error = (f64::from(gradient[index]) - slope).abs();
            assert!(error <= 2e-2 * f64::from(size), "{at} {index}: {} {slope}", gradient[index]);
        }
    }
}

/// The loss's central difference along one number of one parameter.
async fn slope(
    adapter: &dyn Adapter,
    at: usize,
    index: usize,
    of: &impl AsyncFn(&dyn Adapter) -> f64,
) -> f64 {
    const STEP: f32 = 4e-3;
    let mut losses = [0.0; 2];
    for (slot, by) in losses.iter_mut().zip([STEP, -STEP]) {
        let mut parameters: Vec<_> = adapter.parameters().into_iter().map(|one| one.value).collect();
        let (shape, device) = (parameters[at].dims(), parameters[at].device());
        let mut numbers = values(parameters[at].clone()).await;
        numbers[index] += by;
        parameters[at] = tensor(&numbers, shape, &device);
        *slot = of(adapter.with(parameters).as_ref()).await;
    }
    (losses[0] - losses[1]) / f64::from(2.0 * STEP)
}
