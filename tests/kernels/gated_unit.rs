//! Gated units against their formula in f64, finite differences, and burn's own gradient of the plain operations.

use smolder_kernels::burn::tensor::{Tensor, activation};
use smolder_kernels::wgsl::{MAX_WORKGROUPS, launches};
use smolder_kernels::{Gate, gated_unit};
use smolder_tests::{
    TestDevice, assert_close, assert_trained, numbers, on_every_device, probes, slope, tensor, values,
    weighted, wide,
};

const GATES: [Gate; 2] = [Gate::Silu, Gate::GeluTanh];
const SHAPES: [[usize; 2]; 6] = [[1, 1], [1, 7], [7, 1], [33, 576], [7, 1757], [64, 64]];

on_every_device!(
    forward_is_the_formula,
    huge_gates_neither_overflow_nor_lose_their_sign,
    gradients_are_those_of_plain_operations,
    gradients_are_finite_differences,
    frozen_inputs_get_no_gradient,
    views_are_read_in_order,
    more_numbers_than_invocations,
    one_launch_each_way,
);

/// The formulas in f64, GELU with its tanh as in the paper (Hendrycks & Gimpel 2016, arXiv 1606.08415).
fn formula(gate: &[f32], up: &[f32], activation: Gate) -> Vec<f64> {
    let act = |g: f64| match activation {
        Gate::Silu => g / (1.0 + (-g).exp()),
        Gate::GeluTanh => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (g + 0.044_715 * g.powi(3));
            0.5 * g * (1.0 + inner.tanh())
        }
    };
    gate.iter().zip(up).map(|(g, u)| act(f64::from(*g)) * f64::from(*u)).collect()
}

/// Gates in [-8, 8), where the curve bends, and ups in [-1, 1).
fn inputs(len: usize) -> [Vec<f32>; 2] {
    [numbers(len, 1).iter().map(|v| 8.0 * v).collect(), numbers(len, 2)]
}

async fn gradients(
    device: &TestDevice,
    shape: [usize; 2],
    y: impl Fn(Tensor<2>, Tensor<2>) -> Tensor<2>,
) -> [Vec<f32>; 2] {
    let autodiff = device.autodiff();
    let [gate, up] = inputs(shape[0] * shape[1]).map(|v| tensor(&v, shape, &autodiff).require_grad());
    let c = tensor(&numbers(shape[0] * shape[1], 3), shape, &autodiff);
    let grads = (y(gate.clone(), up.clone()) * c).sum().backward();
    let [gate, up] = [gate, up].map(|input| input.grad(&grads).expect("a gradient"));
    [values(gate).await, values(up).await]
}

async fn forward_is_the_formula(device: &TestDevice) {
    for (shape, activation) in SHAPES.into_iter().flat_map(|shape| GATES.map(|gate| (shape, gate))) {
        let inputs = inputs(shape[0] * shape[1]);
        let [gate, up] = inputs.each_ref().map(|v| tensor(v, shape, &device.device));
        let y = values(gated_unit(gate, up, activation)).await;
        assert_close(&y, &formula(&inputs[0], &inputs[1], activation), 2e-6, 1e-6);
    }
}

async fn huge_gates_neither_overflow_nor_lose_their_sign(device: &TestDevice) {
    let sizes = [1e4_f32, 1e3, 100.0, 89.0, 88.0, 87.0, 30.0, 10.0];
    let gate: Vec<f32> = sizes.into_iter().flat_map(|size| [size, -size]).collect();
    let (up, autodiff) = (vec![1.5; 16], device.autodiff());
    for activation in GATES {
        let input = tensor(&gate, [2, 8], &autodiff).require_grad();
        let y = gated_unit(input.clone(), tensor(&up, [2, 8], &autodiff), activation);
        let grad = input.grad(&y.clone().sum().backward()).expect("a gradient");
        assert_close(&values(y).await, &formula(&gate, &up, activation), 1e-6, 1e-6);
        let slopes: Vec<f64> =
            (0..16).map(|i| slope(&gate, i, |gate| formula(gate, &up, activation)[i])).collect();
        assert_close(&values(grad).await, &slopes, 1e-6, 2e-6);
    }
}

async fn gradients_are_those_of_plain_operations(device: &TestDevice) {
    for (shape, kind) in SHAPES.into_iter().flat_map(|shape| GATES.map(|gate| (shape, gate))) {
        let plain = |gate: Tensor<2>, up: Tensor<2>| match kind {
            Gate::Silu => activation::silu(gate) * up,
            Gate::GeluTanh => {
                let inner = (gate.clone().powi_scalar(3) * 0.044_715 + gate.clone()) * 0.797_884_56;
                gate * 0.5 * (inner.tanh() + 1.0) * up
            }
        };
        let ours = gradients(device, shape, |gate, up| gated_unit(gate, up, kind)).await;
        let plain = gradients(device, shape, plain).await;
        for (ours, plain) in ours.iter().zip(&plain) {
            assert_close(ours, &wide(plain), 1e-5, 1e-5);
        }
    }
}

async fn gradients_are_finite_differences(device: &TestDevice) {
    for (shape, kind) in SHAPES.into_iter().flat_map(|shape| GATES.map(|gate| (shape, gate))) {
        let len = shape[0] * shape[1];
        let ([gate, up], c) = (inputs(len), numbers(len, 3));
        let [grad_gate, grad_up] = gradients(device, shape, |gate, up| gated_unit(gate, up, kind)).await;
        for index in probes(len) {
            let along_gate = slope(&gate, index, |gate| weighted(&formula(gate, &up, kind), &c));
            let along_up = slope(&up, index, |up| weighted(&formula(&gate, up, kind), &c));
            assert_close(&[grad_gate[index], grad_up[index]], &[along_gate, along_up], 1e-5, 1e-5);
        }
    }
}

async fn frozen_inputs_get_no_gradient(device: &TestDevice) {
    let autodiff = device.autodiff();
    let input = || tensor(&numbers(14, 1), [2, 7], &autodiff);
    let (trained, frozen) = (input().require_grad(), input());
    let grads = gated_unit(trained.clone(), frozen.clone(), Gate::Silu).sum().backward();
    assert!(frozen.grad(&grads).is_none());
    assert_trained(&trained, &grads).await;
    let (trained, frozen) = (input().require_grad(), input());
    let grads = gated_unit(frozen.clone(), trained.clone(), Gate::Silu).sum().backward();
    assert!(frozen.grad(&grads).is_none());
    assert_trained(&trained, &grads).await;
}

async fn views_are_read_in_order(device: &TestDevice) {
    let [gate, up] = inputs(21);
    let stored = tensor(&gate, [3, 7], &device.device).transpose() * 1.0;
    let y = gated_unit(stored.transpose(), tensor(&up, [3, 7], &device.device), Gate::Silu);
    assert_close(&values(y).await, &formula(&gate, &up, Gate::Silu), 2e-6, 1e-6);
}

async fn more_numbers_than_invocations(device: &TestDevice) {
    let shape = [MAX_WORKGROUPS as usize + 3, 64];
    let inputs = inputs(shape[0] * shape[1]);
    let [gate, up] = inputs.each_ref().map(|v| tensor(v, shape, &device.device));
    let y = values(gated_unit(gate, up, Gate::Silu)).await;
    assert_close(&y, &formula(&inputs[0], &inputs[1], Gate::Silu), 2e-6, 1e-6);
}

async fn one_launch_each_way(device: &TestDevice) {
    let autodiff = device.autodiff();
    let [gate, up] = inputs(14).map(|v| tensor(&v, [2, 7], &autodiff).require_grad());
    let per_launch = u64::from(device.is_gpu());
    let before = launches();
    let loss = gated_unit(gate.clone(), up.clone(), Gate::GeluTanh).sum();
    assert_eq!(launches() - before, per_launch);
    let grads = loss.backward();
    assert_eq!(launches() - before, 2 * per_launch);
    assert_trained(&gate, &grads).await;
    assert_trained(&up, &grads).await;
}
