//! The fused residual and norm against their formula in f64, and against burn's own gradient of the two.

use smolder_kernels::add_rms_norm;
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::wgsl::{MAX_WORKGROUPS, launches};
use smolder_tests::{
    TestDevice, assert_close, assert_trained, numbers, on_every_device, probes, slope, tensor, values,
    weighted, wide,
};

const EPS: f32 = 1e-6;
const SHAPES: [[usize; 2]; 6] = [[1, 1], [1, 7], [7, 1], [33, 576], [3, 1757], [64, 64]];

on_every_device!(
    forward_is_the_formula,
    gradients_are_those_of_plain_operations,
    gradients_are_finite_differences,
    frozen_inputs_get_no_gradient,
    views_are_read_in_order,
    more_rows_than_workgroups,
    one_launch_forward_one_each_backward,
);

/// Sum and norm in f64, written from the paper (arXiv 1910.07467).
fn formula(x: &[f32], residual: &[f32], weight: &[f32]) -> [Vec<f64>; 2] {
    let sum: Vec<f64> = x.iter().zip(residual).map(|(x, r)| f64::from(*x) + f64::from(*r)).collect();
    let row = |row: &[f64]| {
        let mean = row.iter().map(|v| v.powi(2)).sum::<f64>() / row.len() as f64;
        let r = 1.0 / (mean + f64::from(EPS)).sqrt();
        row.iter().zip(weight).map(|(v, w)| v * r * f64::from(*w)).collect::<Vec<_>>()
    };
    let normed = sum.chunks(weight.len()).flat_map(row).collect();
    [sum, normed]
}

/// `x`, `residual` and `weight`.
fn inputs([rows, cols]: [usize; 2]) -> [Vec<f32>; 3] {
    [numbers(rows * cols, 1), numbers(rows * cols, 2), numbers(cols, 3)]
}

/// Gradients of Σ sum·c + Σ normed·d for the three inputs.
async fn gradients(
    device: &TestDevice,
    shape: [usize; 2],
    both: impl Fn(Tensor<2>, Tensor<2>, Tensor<1>) -> (Tensor<2>, Tensor<2>),
) -> [Vec<f32>; 3] {
    let (autodiff, len) = (device.autodiff(), shape[0] * shape[1]);
    let [x, residual, weight] = inputs(shape);
    let [x, residual] = [x, residual].map(|v| tensor(&v, shape, &autodiff).require_grad());
    let weight = tensor(&weight, [shape[1]], &autodiff).require_grad();
    let (sum, normed) = both(x.clone(), residual.clone(), weight.clone());
    let [c, d] = [4, 5].map(|seed| tensor(&numbers(len, seed), shape, &autodiff));
    let grads = ((sum * c).sum() + (normed * d).sum()).backward();
    let [x, residual] = [x, residual].map(|input| input.grad(&grads).expect("a gradient"));
    let weight = weight.grad(&grads).expect("a gradient for the weight");
    [values(x).await, values(residual).await, values(weight).await]
}

async fn ours(device: &TestDevice, shape: [usize; 2]) -> [Vec<f32>; 3] {
    gradients(device, shape, |x, residual, weight| add_rms_norm(x, residual, weight, EPS)).await
}

async fn forward_is_the_formula(device: &TestDevice) {
    for shape in SHAPES {
        let [x, residual, weight] = inputs(shape);
        let [sum, normed] = formula(&x, &residual, &weight);
        let [x, residual] = [x, residual].map(|v| tensor(&v, shape, &device.device));
        let found = add_rms_norm(x, residual, tensor(&weight, [shape[1]], &device.device), EPS);
        assert_close(&values(found.0).await, &sum, 6e-8, 0.0);
        assert_close(&values(found.1).await, &normed, 2e-6, 1e-7);
    }
}

async fn gradients_are_those_of_plain_operations(device: &TestDevice) {
    let plain = |x: Tensor<2>, residual: Tensor<2>, weight: Tensor<1>| {
        let sum = x + residual;
        let r = (sum.clone() * sum.clone()).mean_dim(1).add_scalar(EPS).sqrt().recip();
        (sum.clone(), sum * r * weight.unsqueeze())
    };
    for shape in SHAPES {
        let plain = gradients(device, shape, plain).await;
        for (ours, plain) in ours(device, shape).await.iter().zip(&plain) {
            assert_close(ours, &wide(plain), 1e-5, 2e-5);
        }
    }
}

async fn gradients_are_finite_differences(device: &TestDevice) {
    for shape in SHAPES {
        let [x, residual, weight] = inputs(shape);
        let [grad_x, _, grad_w] = ours(device, shape).await;
        let (c, d) = (numbers(x.len(), 4), numbers(x.len(), 5));
        let loss = |x: &[f32], weight: &[f32]| {
            let [sum, normed] = formula(x, &residual, weight);
            weighted(&sum, &c) + weighted(&normed, &d)
        };
        for index in probes(x.len()) {
            let slope = slope(&x, index, |x| loss(x, &weight));
            assert_close(&[grad_x[index]], &[slope], 1e-3, 1e-4);
        }
        for index in probes(shape[1]) {
            let slope = slope(&weight, index, |weight| loss(&x, weight));
            assert_close(&[grad_w[index]], &[slope], 1e-3, 1e-4);
        }
    }
}

/// Whichever of the outputs is used, and whichever of the inputs is trained.
async fn frozen_inputs_get_no_gradient(device: &TestDevice) {
    let autodiff = device.autodiff();
    for (trained, output) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let input = |index: usize| {
            let input = tensor(&numbers(14, 1), [2, 7], &autodiff);
            if index == trained { input.require_grad() } else { input }
        };
        let pair = [input(0), input(1)];
        let weight = tensor(&numbers(7, 2), [7], &autodiff);
        let [x, residual] = pair.clone();
        let (sum, normed) = add_rms_norm(x, residual, weight.clone(), EPS);
        let grads = if output == 0 { sum } else { normed }.sum().backward();
        assert_trained(&pair[trained], &grads).await;
        assert!(pair[1 - trained].grad(&grads).is_none() && weight.grad(&grads).is_none());
    }
}

async fn views_are_read_in_order(device: &TestDevice) {
    let [x, residual, weight] = inputs([3, 7]);
    let stored = tensor(&x, [3, 7], &device.device).transpose() * 1.0;
    let residual_tensor = tensor(&residual, [3, 7], &device.device);
    let (_, normed) =
        add_rms_norm(stored.transpose(), residual_tensor, tensor(&weight, [7], &device.device), EPS);
    assert_close(&values(normed).await, &formula(&x, &residual, &weight)[1], 2e-6, 1e-7);
}

async fn more_rows_than_workgroups(device: &TestDevice) {
    let shape = [MAX_WORKGROUPS as usize + 3, 2];
    let [x, residual, weight] = inputs(shape);
    let [sum, normed] = formula(&x, &residual, &weight);
    let [x, residual] = [x, residual].map(|v| tensor(&v, shape, &device.device));
    let found = add_rms_norm(x, residual, tensor(&weight, [2], &device.device), EPS);
    assert_close(&values(found.0).await, &sum, 6e-8, 0.0);
    assert_close(&values(found.1).await, &normed, 2e-6, 1e-7);
}

async fn one_launch_forward_one_each_backward(device: &TestDevice) {
    let autodiff = device.autodiff();
    let [x, residual, weight] = inputs([2, 7]);
    let [x, residual] = [x, residual].map(|v| tensor(&v, [2, 7], &autodiff).require_grad());
    let weight = tensor(&weight, [7], &autodiff).require_grad();
    let per_launch = u64::from(device.is_gpu());
    let before = launches();
    let (sum, normed) = add_rms_norm(x.clone(), residual.clone(), weight.clone(), EPS);
    assert_eq!(launches() - before, per_launch);
    let grads = (sum + normed).sum().backward();
    assert_eq!(launches() - before, 3 * per_launch);
    for input in [&x, &residual] {
        assert_trained(input, &grads).await;
    }
    assert_trained(&weight, &grads).await;
}
