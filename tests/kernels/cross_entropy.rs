//! Cross-entropy against its formula in f64 and finite differences.

use smolder_kernels::burn::tensor::{DType, Int, Tensor, TensorData};
use smolder_kernels::cross_entropy;
use smolder_kernels::wgsl::launches;
use smolder_tests::{
    TestDevice, assert_close, numbers, on_every_device, probes, slope, tensor, values, wide,
};

const CAPS: [Option<f32>; 2] = [None, Some(5.0)];
const SHAPES: [[usize; 2]; 8] =
    [[1, 1], [1, 7], [7, 1], [9, 256], [33, 577], [5, 1757], [1757, 5], [2, 49_152]];

on_every_device!(
    losses_and_gradients_are_the_formula,
    gradients_are_finite_differences,
    large_logits_lose_nothing,
    long_rows_add_up,
    targets_outside_the_vocabulary_give_nan,
    logits_that_are_not_finite_give_nan,
    others_keep_their_logits,
    views_are_read_in_order,
    tensors_of_a_graph_are_read_as_numbers,
    one_launch,
);

/// Logits in [-8, 8) and targets that take every remainder.
fn inputs([rows, vocabulary]: [usize; 2]) -> (Vec<f32>, Vec<u32>) {
    let logits = numbers(rows * vocabulary, 1).iter().map(|v| 8.0 * v).collect();
    (logits, (0..rows).map(|row| (row * 7 % vocabulary) as u32).collect())
}

fn capped(x: f32, cap: Option<f32>) -> f64 {
    cap.map_or(f64::from(x), |cap| f64::from(cap) * (f64::from(x) / f64::from(cap)).tanh())
}

/// `log Σ exp(l) − l_target`, in f64.
fn loss(logits: &[f32], target: u32, cap: Option<f32>) -> f64 {
    let top = logits.iter().map(|x| capped(*x, cap)).fold(f64::MIN, f64::max);
    let total: f64 = logits.iter().map(|x| (capped(*x, cap) - top).exp()).sum();
    total.ln() + top - capped(logits[target as usize], cap)
}

/// The formula's gradient of one row's loss, in f64.
fn gradient(logits: &[f32], target: u32, cap: Option<f32>) -> Vec<f64> {
    let lse = loss(logits, target, cap) + capped(logits[target as usize], cap);
    let at = |(col, x): (usize, &f32)| {
        let wrong = (capped(*x, cap) - lse).exp() - f64::from(u8::from(col == target as usize));
        cap.map_or(wrong, |cap| wrong * (1.0 - (f64::from(*x) / f64::from(cap)).tanh().powi(2)))
    };
    logits.iter().enumerate().map(at).collect()
}

fn ids(targets: &[u32], device: &TestDevice) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(targets.to_vec(), [targets.len()]), (&device.device, DType::U32))
}

async fn run(
    device: &TestDevice,
    logits: &[f32],
    targets: &[u32],
    scale: f32,
    cap: Option<f32>,
) -> [Vec<f32>; 2] {
    let logits = tensor(logits, [targets.len(), logits.len() / targets.len()], &device.device);
    let (losses, gradient) = cross_entropy(logits, ids(targets, device), scale, cap);
    [values(losses).await, values(gradient).await]
}

async fn losses_and_gradients_are_the_formula(device: &TestDevice) {
    for (shape, cap) in SHAPES.into_iter().flat_map(|shape| CAPS.map(|cap| (shape, cap))) {
        let (logits, targets) = inputs(shape);
        let [losses, gradients] = run(device, &logits, &targets, 0.25, cap).await;
        let rows = || logits.chunks(shape[1]).zip(&targets);
        let expected: Vec<f64> = rows().map(|(row, target)| loss(row, *target, cap)).collect();
        assert_close(&losses, &expected, 1e-6, 2e-6);
        let expected: Vec<f64> = rows().flat_map(|(row, target)| gradient(row, *target, cap)).collect();
        let expected: Vec<f64> = expected.iter().map(|g| 0.25 * g).collect();
        assert_close(&gradients, &expected, 4e-6, 1e-7);
    }
}

async fn gradients_are_finite_differences(device: &TestDevice) {
    for (shape, cap) in [[3, 7], [2, 577]].into_iter().flat_map(|shape| CAPS.map(|cap| (shape, cap))) {
        let (logits, targets) = inputs(shape);
        let [_, gradients] = run(device, &logits, &targets, 1.0, cap).await;
        let row = &logits[shape[1]..2 * shape[1]];
        for col in probes(shape[1]).into_iter().chain([targets[1] as usize]) {
            let slope = slope(row, col, |row| loss(row, targets[1], cap));
            assert_close(&[gradients[shape[1] + col]], &[slope], 1e-5, 1e-6);
        }
    }
}

async fn large_logits_lose_nothing(device: &TestDevice) {
    let rows: [[f32; 5]; 6] = [
        [1e4, -1e4, 9.999e3, 0.0, 1e4],
        [-1e4, -1.0001e4, -1e4, -1.1e4, -2e4],
        [3e37, -3e37, 0.0, 1.0, 2.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [88.0, 89.0, 90.0, 100.0, 110.0],
        [-300.0, 0.0, -100.0, -86.0, -88.0],
    ];
    let targets = [2, 0, 4, 3, 0, 1];
    for cap in [None, Some(30.0)] {
        let [losses, gradients] = run(device, rows.as_flattened(), &targets, 1.0, cap).await;
        let numbered = || rows.iter().zip(targets);
        let expected: Vec<f64> = numbered().map(|(row, target)| loss(row, target, cap)).collect();
        assert_close(&losses, &expected, 1e-6, 4e-6);
        let expected: Vec<f64> = numbered().flat_map(|(row, target)| gradient(row, target, cap)).collect();
        assert_close(&gradients, &expected, 4e-6, 2e-7);
    }
}

async fn long_rows_add_up(device: &TestDevice) {
    let vocabulary = 262_144;
    let logits: Vec<f32> = numbers(vocabulary, 3).iter().map(|v| 0.01 * v).collect();
    let [losses, gradients] = run(device, &logits, &[7], 1.0, None).await;
    assert_close(&losses, &[loss(&logits, 7, None)], 2e-7, 0.0);
    let total: f64 = wide(&gradients).iter().sum();
    assert!(total.abs() < 1e-6, "a row's gradients add up to {total:e}");
}

async fn targets_outside_the_vocabulary_give_nan(device: &TestDevice) {
    let (logits, _) = inputs([5, 7]);
    let [losses, gradients] = run(device, &logits, &[6, 7, 0, u32::MAX, 1 << 31], 1.0, None).await;
    assert_eq!(losses.iter().map(|v| v.is_nan()).collect::<Vec<_>>(), [false, true, false, true, true]);
    let rows: Vec<bool> = gradients.chunks(7).map(|row| row.iter().all(|v| v.is_nan())).collect();
    assert_eq!(rows, [false, true, false, true, true]);
    assert_close(&losses[..1], &[loss(&logits[..7], 6, None)], 1e-6, 1e-6);
}

async fn logits_that_are_not_finite_give_nan(device: &TestDevice) {
    for cap in CAPS {
        let (mut logits, targets) = inputs([5, 577]);
        logits[3] = f32::NAN;
        logits[2 * 577 + 576] = f32::INFINITY;
        logits[3 * 577 + 300] = f32::NEG_INFINITY;
        let [losses, gradients] = run(device, &logits, &targets, 1.0, cap).await;
        assert_eq!(losses.iter().map(|v| v.is_nan()).collect::<Vec<_>>(), [true, false, true, true, false]);
        let rows: Vec<bool> = gradients.chunks(577).map(|row| row.iter().all(|v| v.is_nan())).collect();
        assert_eq!(rows, [true, false, true, true, false]);
    }
}

async fn others_keep_their_logits(device: &TestDevice) {
    let (numbers, targets) = inputs([3, 7]);
    let logits: Tensor<2> = tensor(&numbers, [3, 7], &device.device);
    let (_, gradient) = cross_entropy(logits.clone(), ids(&targets, device), 1.0, None);
    assert_ne!(values(gradient).await, numbers);
    assert_eq!(values(logits).await, numbers);
}

async fn views_are_read_in_order(device: &TestDevice) {
    let (logits, targets) = inputs([4, 7]);
    let expected = run(device, &logits[7..21], &targets[1..3], 1.0, None).await;
    let stored: Tensor<2> = tensor(&logits, [4, 7], &device.device).transpose() * 1.0;
    let view = stored.transpose().slice([1..3, 0..7]);
    let (losses, gradient) = cross_entropy(view, ids(&targets, device).narrow(0, 1, 2), 1.0, None);
    assert_eq!([values(losses).await, values(gradient).await], expected);
}

async fn tensors_of_a_graph_are_read_as_numbers(device: &TestDevice) {
    let (logits, targets) = inputs([3, 7]);
    let expected = run(device, &logits, &targets, 1.0, None).await;
    let logits: Tensor<2> = tensor(&logits, [3, 7], &device.autodiff()).require_grad();
    let (losses, gradient) = cross_entropy(logits * 1.0, ids(&targets, device), 1.0, None);
    assert!(!losses.is_autodiff() && !gradient.is_autodiff());
    assert_eq!([values(losses).await, values(gradient).await], expected);
}

async fn one_launch(device: &TestDevice) {
    let (logits, targets) = inputs([3, 7]);
    let before = launches();
    run(device, &logits, &targets, 1.0, None).await;
    assert_eq!(launches() - before, u64::from(device.is_gpu()));
}

/// In a browser the software renderer takes half a minute for so many workgroups.
#[cfg(not(target_family = "wasm"))]
mod many {
    use super::*;
    use smolder_kernels::wgsl::MAX_WORKGROUPS;

    on_every_device!(more_rows_than_workgroups);

    async fn more_rows_than_workgroups(device: &TestDevice) {
        let rows = MAX_WORKGROUPS as usize + 3;
        let (logits, targets) = inputs([rows, 2]);
        let [losses, _] = run(device, &logits, &targets, 1.0, None).await;
        let expected: Vec<f64> =
            logits.chunks(2).zip(&targets).map(|(row, target)| loss(row, *target, None)).collect();
        assert_close(&losses, &expected, 1e-6, 2e-6);
    }
}
