//! Dropout against its definition, and its mask against chance.

use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::dropout;
use smolder_kernels::wgsl::{MAX_WORKGROUPS, launches};
use smolder_tests::{TestDevice, assert_trained, numbers, on_every_device, tensor, values};

const SHAPE: [usize; 2] = [1000, 576];
const LEN: usize = SHAPE[0] * SHAPE[1];
const SEEDS: [u32; 6] = [0, 1, 2, 1 << 16, 0x9e37_79b9, u32::MAX];

on_every_device!(
    every_device_has_the_mask_of_the_definition,
    the_share_of_zeros_is_the_rate,
    the_mean_is_kept,
    masks_of_two_seeds_are_independent,
    neighbours_are_independent,
    the_gradient_has_the_same_mask,
    a_rate_of_zero_does_nothing,
    frozen_inputs_get_no_gradient,
    views_are_read_in_order,
    more_numbers_than_invocations,
    one_launch_each_way,
);

/// The definition in wide integers: Wellons' lowbias32 of lowbias32(index) + seed, against rate · 2³².
fn kept(index: usize, rate: f32, seed: u32) -> bool {
    let modulus = 1_u64 << 32;
    let hash = |mut word: u64| {
        for (shift, factor) in [(16, 0x7feb_352d), (15, 0x846c_a68b), (16, 1)] {
            word = (word ^ (word >> shift)) * factor % modulus;
        }
        word
    };
    hash((hash(index as u64) + u64::from(seed)) % modulus) as f64
        >= (f64::from(rate) * modulus as f64).floor()
}

/// Which numbers a device keeps.
async fn mask(device: &TestDevice, rate: f32, seed: u32) -> Vec<bool> {
    let ones: Tensor<2> = tensor(&vec![1.0; LEN], SHAPE, &device.device);
    values(dropout(ones, rate, seed)).await.iter().map(|y| *y != 0.0).collect()
}

/// Fails unless `count` of `trials` is what `share` gives by chance, within four standard deviations.
fn assert_chance(count: usize, trials: usize, share: f64) {
    let (mean, deviation) = (trials as f64 * share, (trials as f64 * share * (1.0 - share)).sqrt());
    assert!(
        (count as f64 - mean).abs() < 4.0 * deviation,
        "{count} of {trials}, expected {mean} ± {deviation}"
    );
}

async fn every_device_has_the_mask_of_the_definition(device: &TestDevice) {
    for (shape, rate, seed) in [
        ([1, 1], 0.5, 0),
        ([7, 1], 0.1, 1),
        ([33, 577], 0.05, 2),
        ([3, 1757], 0.9, u32::MAX),
        ([64, 64], 0.5, 99),
    ] {
        let x = numbers(shape[0] * shape[1], 1);
        let y = values(dropout(tensor(&x, shape, &device.device), rate, seed)).await;
        let scale = (1.0 / (1.0 - f64::from(rate))) as f32;
        let expected = x.iter().enumerate().map(|(i, x)| if kept(i, rate, seed) { x * scale } else { 0.0 });
        assert_eq!(y, expected.collect::<Vec<_>>(), "{shape:?}, rate {rate}, seed {seed}");
    }
}

async fn the_share_of_zeros_is_the_rate(device: &TestDevice) {
    for rate in [0.001, 0.05, 0.5, 0.95] {
        let zeros = mask(device, rate, 7).await.iter().filter(|kept| !**kept).count();
        assert_chance(zeros, LEN, f64::from(rate));
    }
}

async fn the_mean_is_kept(device: &TestDevice) {
    let x: Tensor<2> = tensor(&vec![1.0; LEN], SHAPE, &device.device);
    let y = values(dropout(x, 0.1, 3)).await;
    let mean = y.iter().copied().map(f64::from).sum::<f64>() / LEN as f64;
    // The deviation of one number's mask / (1 − rate) is √(rate / (1 − rate)).
    assert!((mean - 1.0).abs() < 4.0 * (0.1_f64 / 0.9 / LEN as f64).sqrt(), "mean {mean}");
}

async fn masks_of_two_seeds_are_independent(device: &TestDevice) {
    let first = mask(device, 0.5, SEEDS[0]).await;
    for seed in &SEEDS[1..] {
        let second = mask(device, 0.5, *seed).await;
        assert_chance(first.iter().zip(&second).filter(|(a, b)| a == b).count(), LEN, 0.5);
        // Nor is one a shifted copy of the other.
        for by in [1, SHAPE[1], *seed as usize % LEN] {
            let agree = first[by..].iter().zip(&second).filter(|(a, b)| a == b).count();
            assert_chance(agree, LEN - by, 0.5);
        }
    }
}

async fn neighbours_are_independent(device: &TestDevice) {
    for seed in SEEDS {
        let mask = mask(device, 0.5, seed).await;
        for by in [1, 2, 64, SHAPE[1]] {
            let agree = mask[by..].iter().zip(&mask).filter(|(a, b)| a == b).count();
            assert_chance(agree, LEN - by, 0.5);
        }
    }
}

async fn the_gradient_has_the_same_mask(device: &TestDevice) {
    let (x, c) = (numbers(LEN, 1), numbers(LEN, 2));
    let input = tensor(&x, SHAPE, &device.autodiff()).require_grad();
    let y = dropout(input.clone(), 0.3, 11);
    let loss = (y * tensor(&c, SHAPE, &device.autodiff())).sum();
    let gradient = values(input.grad(&loss.backward()).expect("a gradient")).await;
    assert_eq!(gradient, values(dropout(tensor(&c, SHAPE, &device.device), 0.3, 11)).await);
}

async fn a_rate_of_zero_does_nothing(device: &TestDevice) {
    let (x, before) = (numbers(21, 1), launches());
    assert_eq!(values(dropout(tensor(&x, [3, 7], &device.device), 0.0, 5)).await, x);
    assert_eq!(launches(), before);
}

async fn frozen_inputs_get_no_gradient(device: &TestDevice) {
    let autodiff = device.autodiff();
    let input = || tensor(&numbers(21, 1), [3, 7], &autodiff);
    let (trained, frozen): (Tensor<2>, Tensor<2>) = (input().require_grad(), input());
    let grads = (dropout(frozen.clone(), 0.5, 1) * trained.clone()).sum().backward();
    assert!(frozen.grad(&grads).is_none());
    assert_trained(&trained, &grads).await;
}

async fn views_are_read_in_order(device: &TestDevice) {
    let x = numbers(28, 1);
    let expected = values(dropout(tensor(&x[7..21], [2, 7], &device.device), 0.5, 1)).await;
    let stored: Tensor<2> = tensor(&x, [4, 7], &device.device).transpose() * 1.0;
    let view = stored.clone().transpose().slice([1..3, 0..7]);
    assert_eq!(values(dropout(view, 0.5, 1)).await, expected);
    assert_eq!(values(stored.transpose()).await, x);
}

async fn more_numbers_than_invocations(device: &TestDevice) {
    let shape = [MAX_WORKGROUPS as usize + 3, 64];
    let x: Tensor<2> = tensor(&vec![1.0; shape[0] * shape[1]], shape, &device.device);
    let y = values(dropout(x, 0.5, 1)).await;
    let last = y.len() - 200;
    let expected = (last..y.len()).map(|i| if kept(i, 0.5, 1) { 2.0 } else { 0.0 });
    assert_eq!(y[last..], expected.collect::<Vec<_>>());
}

async fn one_launch_each_way(device: &TestDevice) {
    let x = tensor(&numbers(14, 1), [2, 7], &device.autodiff()).require_grad();
    let per_launch = u64::from(device.is_gpu());
    let before = launches();
    let loss = dropout(x.clone(), 0.5, 1).sum();
    assert_eq!(launches() - before, per_launch);
    let grads = loss.backward();
    assert_eq!(launches() - before, 2 * per_launch);
    assert_trained(&x, &grads).await;
}
