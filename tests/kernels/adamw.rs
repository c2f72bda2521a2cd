//! AdamW against torch's numbers and the formula in f64.

use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::wgsl::{MAX_WORKGROUPS, launches};
use smolder_kernels::{AdamW, adamw};
use smolder_tests::{TestDevice, assert_close, numbers, on_every_device, tensor, values};

const SETTINGS: AdamW =
    AdamW { rate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1, step: 3 };
const SHAPES: [[usize; 2]; 5] = [[1, 1], [7, 1], [33, 577], [3, 1757], [64, 64]];

on_every_device!(
    a_step_is_the_formula,
    a_factor_that_is_not_finite_changes_nothing,
    others_keep_their_numbers,
    views_are_read_in_order,
    more_numbers_than_invocations,
    one_launch_a_tensor,
);

/// Parameter, gradient, mean and variance.
fn inputs(len: usize) -> [Vec<f32>; 4] {
    let variance = numbers(len, 4).iter().map(|v| 1e-3 * (v + 1.0)).collect();
    [numbers(len, 1), numbers(len, 2), numbers(len, 3), variance]
}

/// Parameter, mean and variance after a step in f64, from the paper's algorithm 2 with its schedule in the rate.
fn formula([p, g, m, v]: &[Vec<f32>; 4], factor: f32, settings: AdamW) -> [Vec<f64>; 3] {
    let AdamW { rate, beta1, beta2, epsilon, weight_decay, step } = settings;
    let one = |at: usize| {
        let [p, g, m, v] = [p, g, m, v].map(|numbers| f64::from(numbers[at]));
        let g = g * f64::from(factor);
        let (m, v) = (beta1 * m + (1.0 - beta1) * g, beta2 * v + (1.0 - beta2) * g * g);
        let mean = m / (1.0 - beta1.powi(step as i32));
        let variance = v / (1.0 - beta2.powi(step as i32));
        (p - rate * (mean / (variance.sqrt() + epsilon) + weight_decay * p), (m, v))
    };
    let (p, (m, v)) = (0..p.len()).map(one).unzip();
    [p, m, v]
}

async fn run(
    device: &TestDevice,
    inputs: &[Vec<f32>; 4],
    shape: [usize; 2],
    factor: f32,
    settings: AdamW,
) -> [Vec<f32>; 3] {
    let [p, g, m, v] = inputs.each_ref().map(|numbers| tensor(numbers, shape, &device.device));
    let (p, m, v) = adamw(p, g, m, v, tensor(&[factor], [1], &device.device), settings);
    [values(p).await, values(m).await, values(v).await]
}

fn assert_step(found: &[Vec<f32>; 3], expected: &[Vec<f64>; 3]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_close(found, expected, 1e-6, 2e-7);
    }
}

async fn a_step_is_the_formula(device: &TestDevice) {
    for (shape, step) in SHAPES.into_iter().zip([1, 2, 10, 1000, 100_000]) {
        let (inputs, settings) = (inputs(shape[0] * shape[1]), AdamW { step, ..SETTINGS });
        let found = run(device, &inputs, shape, 0.3, settings).await;
        assert_step(&found, &formula(&inputs, 0.3, settings));
    }
}

async fn a_factor_that_is_not_finite_changes_nothing(device: &TestDevice) {
    for factor in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let [p, _, m, v] = inputs(21);
        let inputs = [p.clone(), vec![f32::NAN; 21], m.clone(), v.clone()];
        assert_eq!(run(device, &inputs, [3, 7], factor, SETTINGS).await, [p, m, v]);
    }
}

async fn others_keep_their_numbers(device: &TestDevice) {
    let inputs = inputs(21);
    let [p, g, m, v] = inputs.each_ref().map(|numbers| tensor(numbers, [3, 7], &device.device));
    let held = [p.clone(), m.clone(), v.clone()];
    let (p, m, v) = adamw(p, g, m, v, tensor(&[1.0], [1], &device.device), SETTINGS);
    assert_step(&[values(p).await, values(m).await, values(v).await], &formula(&inputs, 1.0, SETTINGS));
    for (held, input) in held.into_iter().zip([&inputs[0], &inputs[2], &inputs[3]]) {
        assert_eq!(&values(held).await, input);
    }
}

async fn views_are_read_in_order(device: &TestDevice) {
    let inputs = inputs(21);
    let turned = inputs.each_ref().map(|numbers| {
        let stored: Tensor<2> = tensor(numbers, [3, 7], &device.device).transpose() * 1.0;
        stored.transpose()
    });
    let [p, g, m, v] = turned;
    let (p, m, v) = adamw(p, g, m, v, tensor(&[1.0], [1], &device.device), SETTINGS);
    assert_step(&[values(p).await, values(m).await, values(v).await], &formula(&inputs, 1.0, SETTINGS));
}

async fn more_numbers_than_invocations(device: &TestDevice) {
    let shape = [MAX_WORKGROUPS as usize + 3, 64];
    let inputs = inputs(shape[0] * shape[1]);
    let found = run(device, &inputs, shape, 0.3, SETTINGS).await;
    assert_step(&found, &formula(&inputs, 0.3, SETTINGS));
}

async fn one_launch_a_tensor(device: &TestDevice) {
    let before = launches();
    run(device, &inputs(21), [3, 7], 1.0, SETTINGS).await;
    assert_eq!(launches() - before, u64::from(device.is_gpu()));
}

/// Ten clipped steps that `tests/fixtures/training/adamw.py` has run in torch.
#[cfg(not(target_family = "wasm"))]
mod torch {
    use super::{AdamW, Tensor, TestDevice, adamw, assert_close, on_every_device, tensor, values};
    use serde_json::Value;
    use smolder_kernels::{clip_factor, sum_of_squares};
    use smolder_tests::wide;

    on_every_device!(ten_steps_are_torch_s);

    fn tensors(shapes: &Value, numbers: &Value, device: &TestDevice) -> Vec<Tensor<2>> {
        let one = |(shape, numbers): (&Value, &Value)| {
            let shape = [0, 1].map(|at| shape[at].as_u64().unwrap() as usize);
            tensor(&list(numbers), shape, &device.device)
        };
        shapes.as_array().unwrap().iter().zip(numbers.as_array().unwrap()).map(one).collect()
    }

    fn list(numbers: &Value) -> Vec<f32> {
        numbers.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
    }

    async fn ten_steps_are_torch_s(device: &TestDevice) {
        let table: Value = serde_json::from_str(include_str!("../fixtures/training/adamw.json")).unwrap();
        let number = |key: &str| table["settings"][key].as_f64().unwrap();
        let mut states: Vec<_> = tensors(&table["shapes"], &table["start"], device)
            .into_iter()
            .map(|p| (p.clone(), p.zeros_like(), p.zeros_like()))
            .collect();
        for (step, row) in (1..).zip(table["steps"].as_array().unwrap()) {
            let settings = AdamW {
                rate: row["rate"].as_f64().unwrap(),
                beta1: number("beta1"),
                beta2: number("beta2"),
                epsilon: number("epsilon"),
                weight_decay: number("weight_decay"),
                step,
            };
            let gradients = tensors(&table["shapes"], &row["gradients"], device);
            let (norm, factor) = clip_factor(sum_of_squares(&gradients), number("clip") as f32);
            assert_close(&values(norm).await, &[row["norm"].as_f64().unwrap()], 3e-7, 0.0);
            let next = |((p, m, v), gradient)| adamw(p, gradient, m, v, factor.clone(), settings);
            states = states.into_iter().zip(gradients).map(next).collect();
            for (at, (p, m, v)) in states.iter().cloned().enumerate() {
                let expected = |key: &str| wide(&list(&row[key][at]));
                assert_close(&values(p).await, &expected("parameters"), 2e-7, 2e-7);
                assert_close(&values(m).await, &expected("exp_avg"), 1e-6, 1e-8);
                assert_close(&values(v).await, &expected("exp_avg_sq"), 1e-6, 0.0);
            }
        }
    }
}
