//! Norms and clipping against sums in f64.

use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::wgsl::launches;
use smolder_kernels::{clip_factor, sum_of_squares};
use smolder_tests::{TestDevice, assert_close, numbers, on_every_device, tensor, values};

const SHAPES: [[usize; 2]; 6] = [[1, 1], [7, 1], [1, 1757], [8, 577], [64, 64], [3, 5]];

on_every_device!(
    any_number_of_tensors_adds_up,
    an_adapter_s_gradient_repeats_to_the_bit,
    factors_are_the_formula,
    what_is_not_finite_has_no_factor,
    views_are_read_whole,
    a_launch_for_seven_tensors_and_one_for_the_factor,
);

/// `count` tensors of awkward shapes, and the norm of all their numbers.
fn tensors(count: usize, scale: f32, device: &TestDevice) -> (Vec<Tensor<2>>, f64) {
    let mut squares = 0.0;
    let one = |at: usize| {
        let shape = SHAPES[at % SHAPES.len()];
        let numbers: Vec<f32> =
            numbers(shape[0] * shape[1], at as u32 + 1).iter().map(|v| scale * v).collect();
        squares += numbers.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
        tensor(&numbers, shape, &device.device)
    };
    let tensors = (0..count).map(one).collect();
    (tensors, squares.sqrt())
}

/// Norm and factor.
async fn clip(tensors: &[Tensor<2>], max_norm: f32) -> [f32; 2] {
    let (norm, factor) = clip_factor(sum_of_squares(tensors), max_norm);
    [values(norm).await[0], values(factor).await[0]]
}

async fn any_number_of_tensors_adds_up(device: &TestDevice) {
    for count in [1, 2, 6, 7, 8, 15] {
        let (tensors, norm) = tensors(count, 1.0, device);
        assert_close(&clip(&tensors, 1.0).await[..1], &[norm], 3e-7, 0.0);
    }
}

async fn an_adapter_s_gradient_repeats_to_the_bit(device: &TestDevice) {
    // LoRA of rank 8 on the seven linear layers of 30 blocks: 2.4 million numbers.
    let shapes = [[8, 576], [576, 8], [8, 1536], [192, 8]];
    let one = |at: usize| {
        let shape = shapes[at % 4];
        let numbers = numbers(shape[0] * shape[1], at as u32);
        (numbers.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>(), tensor(&numbers, shape, &device.device))
    };
    let (squares, tensors): (Vec<f64>, Vec<Tensor<2>>) = (0..420).map(one).unzip();
    let first = values(sum_of_squares(&tensors)).await;
    for _ in 0..3 {
        assert_eq!(values(sum_of_squares(&tensors)).await, first);
    }
    let norm = squares.iter().sum::<f64>().sqrt();
    assert_close(&clip(&tensors, 1.0).await, &[norm, 1.0 / (norm + 1e-6)], 3e-7, 0.0);
}

async fn factors_are_the_formula(device: &TestDevice) {
    for (scale, max_norm) in
        [(1.0, 1.0), (1e-3, 1.0), (1e-3, 1e-6), (1e3, 0.5), (0.0, 1.0), (1e8, f32::INFINITY)]
    {
        let (tensors, norm) = tensors(3, scale, device);
        let factor = (f64::from(max_norm) / (norm + 1e-6)).min(1.0);
        assert_close(&clip(&tensors, max_norm).await, &[norm, factor], 4e-7, 0.0);
    }
}

async fn what_is_not_finite_has_no_factor(device: &TestDevice) {
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
        for at in [0, 6, 9] {
            let (mut tensors, _) = tensors(10, 1.0, device);
            tensors[at] = tensor(&[wrong], [1, 1], &device.device);
            let [norm, factor] = clip(&tensors, 1.0).await;
            assert!(
                !norm.is_finite() && factor.is_nan(),
                "{wrong} in tensor {at}: norm {norm}, factor {factor}"
            );
        }
    }
}

async fn views_are_read_whole(device: &TestDevice) {
    let numbers = numbers(28, 1);
    let stored: Tensor<2> = tensor(&numbers, [4, 7], &device.device);
    let squares = |numbers: &[f32]| numbers.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
    let turned = clip(&[stored.clone().transpose()], 1.0).await;
    let part = clip(&[stored.slice([1..3, 0..7])], 1.0).await;
    let expected = [squares(&numbers).sqrt(), squares(&numbers[7..21]).sqrt()];
    assert_close(&[turned[0], part[0]], &expected, 3e-7, 0.0);
}

async fn a_launch_for_seven_tensors_and_one_for_the_factor(device: &TestDevice) {
    for (count, expected) in [(1, 2), (7, 2), (8, 3), (15, 4)] {
        let (tensors, _) = tensors(count, 1.0, device);
        let before = launches();
        clip(&tensors, 1.0).await;
        assert_eq!(launches() - before, if device.is_gpu() { expected } else { 0 });
    }
}
