//! RMSNorm against its formula in f64, finite differences, and burn's own gradient of the plain operations.

use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::rms_norm;
use smolder_kernels::wgsl::{MAX_WORKGROUPS, launches};
use smolder_tests::{
    TestDevice, assert_close, assert_trained, numbers, on_every_device, probes, slope, tensor, values,
    weighted, wide,
};

/// Not the shader's default, and large enough to show where it is left out.
const EPS: f32 = 1e-3;
const SHAPES: [[usize; 2]; 8] = [[1, 1], [1, 7], [7, 1], [7, 576], [64, 64], [33, 577], [3, 1757], [1757, 7]];

on_every_device!(
    forward_is_the_formula,
    gradients_are_those_of_plain_operations,
    gradients_are_finite_differences,
    frozen_parameters_get_no_gradient,
    views_and_higher_ranks_are_read_in_order,
    more_rows_than_workgroups,
    one_launch_forward_one_each_backward,
);

/// The formula in f64, written from the paper.
fn formula(x: &[f32], weight: &[f32]) -> Vec<f64> {
    let row = |row: &[f32]| {
        let mean = row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / row.len() as f64;
        let r = 1.0 / (mean + f64::from(EPS)).sqrt();
        row.iter().zip(weight).map(|(v, w)| f64::from(*v) * r * f64::from(*w)).collect::<Vec<_>>()
    };
    x.chunks(weight.len()).flat_map(row).collect()
}

fn loss(x: &[f32], weight: &[f32], c: &[f32]) -> f64 {
    weighted(&formula(x, weight), c)
}

/// Gradients of Σ y·c for `x` and `weight` as `y` computes them.
async fn gradients(
    device: &TestDevice,
    [rows, cols]: [usize; 2],
    y: impl Fn(Tensor<2>, Tensor<1>) -> Tensor<2>,
) -> [Vec<f32>; 2] {
    let autodiff = device.autodiff();
    let x = tensor(&numbers(rows * cols, 1), [rows, cols], &autodiff).require_grad();
    let weight = tensor(&numbers(cols, 2), [cols], &autodiff).require_grad();
    let c = tensor(&numbers(rows * cols, 3), [rows, cols], &autodiff);
    let grads = (y(x.clone(), weight.clone()) * c).sum().backward();
    let grad_x = x.grad(&grads).expect("a gradient for x");
    let grad_w = weight.grad(&grads).expect("a gradient for the weight");
    [values(grad_x).await, values(grad_w).await]
}

async fn forward_is_the_formula(device: &TestDevice) {
    for [rows, cols] in SHAPES {
        let (x, weight) = (numbers(rows * cols, 1), numbers(cols, 2));
        let y =
            rms_norm(tensor(&x, [rows, cols], &device.device), tensor(&weight, [cols], &device.device), EPS);
        assert_close(&values(y).await, &formula(&x, &weight), 2e-6, 1e-7);
    }
}

async fn gradients_are_those_of_plain_operations(device: &TestDevice) {
    let plain = |x: Tensor<2>, weight: Tensor<1>| {
        let r = (x.clone() * x.clone()).mean_dim(1).add_scalar(EPS).sqrt().recip();
        x * r * weight.unsqueeze()
    };
    for shape in SHAPES {
        let ours = gradients(device, shape, |x, weight| rms_norm(x, weight, EPS)).await;
        let plain = gradients(device, shape, plain).await;
        for (ours, plain) in ours.iter().zip(&plain) {
            assert_close(ours, &wide(plain), 1e-5, 2e-5);
        }
    }
}

async fn gradients_are_finite_differences(device: &TestDevice) {
    for [rows, cols] in SHAPES {
        let (x, weight, c) = (numbers(rows * cols, 1), numbers(cols, 2), numbers(rows * cols, 3));
        let [grad_x, grad_w] = gradients(device, [rows, cols], |x, weight| rms_norm(x, weight, EPS)).await;
        for index in probes(rows * cols) {
            let slope = slope(&x, index, |x| loss(x, &weight, &c));
            assert_close(&[grad_x[index]], &[slope], 1e-3, 1e-4);
        }
        for index in probes(cols) {
            let slope = slope(&weight, index, |weight| loss(&x, weight, &c));
            assert_close(&[grad_w[index]], &[slope], 1e-3, 1e-4);
        }
    }
}

async fn frozen_parameters_get_no_gradient(device: &TestDevice) {
    let autodiff = device.autodiff();
    let x = || tensor(&numbers(7 * 576, 1), [7, 576], &autodiff);
    let weight = || tensor(&numbers(576, 2), [576], &autodiff);
    let (frozen, trained) = (weight(), x().require_grad());
    let grads = rms_norm(trained.clone(), frozen.clone(), EPS).sum().backward();
    assert!(frozen.grad(&grads).is_none());
    assert_trained(&trained, &grads).await;
    let (frozen, trained) = (x(), weight().require_grad());
    let grads = rms_norm(frozen.clone(), trained.clone(), EPS).sum().backward();
    assert!(frozen.grad(&grads).is_none());
    assert_trained(&trained, &grads).await;
}

async fn views_and_higher_ranks_are_read_in_order(device: &TestDevice) {
    let (x, weight) = (numbers(5 * 7 * 3, 1), numbers(7, 2));
    let transposed = tensor(&x, [5, 7, 3], &device.device).swap_dims(1, 2);
    let y = rms_norm(transposed, tensor(&weight, [7], &device.device), EPS);
    let order = |i: usize| (i / 21) * 21 + (i % 7) * 3 + (i / 7) % 3;
    let x: Vec<f32> = (0..105).map(|i| x[order(i)]).collect();
    assert_eq!(y.dims(), [5, 3, 7]);
    assert_close(&values(y).await, &formula(&x, &weight), 2e-6, 1e-7);
}

async fn more_rows_than_workgroups(device: &TestDevice) {
    let rows = MAX_WORKGROUPS as usize + 3;
    let (x, weight) = (numbers(rows * 2, 1), numbers(2, 2));
    let y = rms_norm(tensor(&x, [rows, 2], &device.device), tensor(&weight, [2], &device.device), EPS);
    assert_close(&values(y).await, &formula(&x, &weight), 2e-6, 1e-7);
    let [_, grad] = gradients(device, [rows, 2], |x, weight| rms_norm(x, weight, EPS)).await;
    let c = numbers(rows * 2, 3);
    let normed = formula(&x, &[1.0, 1.0]);
    let column = |col: usize| normed.iter().zip(&c).skip(col).step_by(2).map(|(n, c)| n * f64::from(*c));
    // Sums of 65,538 numbers near one, by lanes: a hundredth of what the last thousand of them add up to.
    let expected = [column(0).sum(), column(1).sum()];
    assert_close(&grad, &expected, 1e-5, 1e-2);
}

async fn one_launch_forward_one_each_backward(device: &TestDevice) {
    let autodiff = device.autodiff();
    let x = tensor(&numbers(14, 1), [2, 7], &autodiff).require_grad();
    let weight = tensor(&numbers(7, 2), [7], &autodiff).require_grad();
    let per_launch = u64::from(device.is_gpu());
    let before = launches();
    let loss = rms_norm(x.clone(), weight.clone(), EPS).sum();
    assert_eq!(launches() - before, per_launch);
    let grads = loss.backward();
    assert_eq!(launches() - before, 3 * per_launch);
    assert_trained(&x, &grads).await;
    assert_trained(&weight, &grads).await;
}
