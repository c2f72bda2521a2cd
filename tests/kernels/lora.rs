//! LoRA's change of a layer against its formula in f64 and the formulas of its gradients.

use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::lora;
use smolder_kernels::wgsl::{MAX_WORKGROUPS, Portable, launches};
use smolder_tests::{
    TestDevice, assert_close, assert_trained, numbers, on_every_device, tensor, values, wide,
};

/// Rows, inputs, outputs, rank.
const SHAPES: [[usize; 4]; 8] = [
    [1, 1, 1, 1],
    [1, 576, 192, 8],
    [7, 33, 5, 3],
    [33, 17, 1757, 9],
    [5, 1757, 7, 1],
    [6, 40, 70, 71],
    [130, 64, 513, 16],
    [64, 576, 64, 8],
];
const SCALE: f32 = 2.5;

on_every_device!(
    forward_is_the_formula,
    gradients_are_their_formulas,
    frozen_inputs_get_no_gradient,
    views_are_read_in_order,
    y_is_left_as_it_was,
    more_rows_than_workgroups,
    nothing_to_add_is_nothing_added,
    two_launches_forward_and_four_back,
);

/// Within a millionth of the largest: sums of hundreds of products lose that much to rounding.
fn assert_sums(found: &[f32], expected: &[f64]) {
    let largest = expected.iter().fold(1.0_f64, |largest, value| largest.max(value.abs()));
    assert_close(found, expected, 1e-6, 1e-6 * largest);
}

/// x, A, B, y, and what the result is weighted with.
fn inputs([rows, inputs, outputs, rank]: [usize; 4]) -> [Vec<f32>; 5] {
    let sizes = [rows * inputs, rank * inputs, outputs * rank, rows * outputs, rows * outputs];
    let mut seed = 0;
    sizes.map(|len| {
        seed += 1;
        numbers(len, seed)
    })
}

fn shapes([rows, inputs, outputs, rank]: [usize; 4]) -> [[usize; 2]; 4] {
    [[rows, inputs], [rank, inputs], [outputs, rank], [rows, outputs]]
}

/// `Σ_k x[i, k]·m[j, k]` in f64.
fn product(x: impl Fn(usize, usize) -> f64, m: impl Fn(usize, usize) -> f64, sizes: [usize; 3]) -> Vec<f64> {
    let [rows, cols, long] = sizes;
    let one = |i, j| (0..long).map(|k| x(i, k) * m(j, k)).sum::<f64>();
    (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j))).map(|(i, j)| one(i, j)).collect()
}

fn row_major(values: &[f64], cols: usize) -> impl Fn(usize, usize) -> f64 {
    move |i, j| values[i * cols + j]
}

fn transposed(values: &[f64], cols: usize) -> impl Fn(usize, usize) -> f64 {
    move |i, j| values[j * cols + i]
}

fn formula(sizes: [usize; 4], [x, a, b, y, _]: &[Vec<f32>; 5]) -> Vec<f64> {
    let [rows, inputs, outputs, rank] = sizes;
    let (x, a, b) = (wide(x), wide(a), wide(b));
    let u = product(row_major(&x, inputs), row_major(&a, inputs), [rows, rank, inputs]);
    let change = product(row_major(&u, rank), row_major(&b, rank), [rows, outputs, rank]);
    wide(y).iter().zip(change).map(|(y, change)| y + f64::from(SCALE) * change).collect()
}

/// Of `Σ c·z`: ∂x, ∂A, ∂B, ∂y.
fn gradients(sizes: [usize; 4], [x, a, b, _, c]: &[Vec<f32>; 5]) -> [Vec<f64>; 4] {
    let [rows, inputs, outputs, rank] = sizes;
    let [x, a, b, c] = [x, a, b, c].map(|values| wide(values));
    let scaled = |values: Vec<f64>| values.iter().map(|v| f64::from(SCALE) * v).collect::<Vec<_>>();
    let u = scaled(product(row_major(&x, inputs), row_major(&a, inputs), [rows, rank, inputs]));
    let g = scaled(product(row_major(&c, outputs), transposed(&b, rank), [rows, rank, outputs]));
    let grad_x = product(row_major(&g, rank), transposed(&a, inputs), [rows, inputs, rank]);
    let grad_a = product(transposed(&g, rank), transposed(&x, inputs), [rank, inputs, rows]);
    let grad_b = product(transposed(&c, outputs), transposed(&u, rank), [outputs, rank, rows]);
    [grad_x, grad_a, grad_b, c]
}

async fn forward_is_the_formula(device: &TestDevice) {
    forward(device).await;
    if device.has_own_kernels() {
        let _portable = Portable::new();
        forward(device).await;
    }
}

async fn forward(device: &TestDevice) {
    for sizes in SHAPES {
        let (inputs, shapes) = (inputs(sizes), shapes(sizes));
        let [x, a, b, y] = [0, 1, 2, 3].map(|i| tensor(&inputs[i], shapes[i], &device.device));
        let z = values(lora(x, a, b, y, SCALE)).await;
        assert_sums(&z, &formula(sizes, &inputs));
    }
}

async fn gradients_are_their_formulas(device: &TestDevice) {
    backward(device).await;
    if device.has_own_kernels() {
        let _portable = Portable::new();
        backward(device).await;
    }
}

async fn backward(device: &TestDevice) {
    let autodiff = device.autodiff();
    for sizes in SHAPES {
        let (inputs, shapes) = (inputs(sizes), shapes(sizes));
        let leaves = [0, 1, 2, 3].map(|i| tensor(&inputs[i], shapes[i], &autodiff).require_grad());
        let [x, a, b, y] = leaves.clone();
        let c = tensor(&inputs[4], shapes[3], &autodiff);
        let grads = (lora(x, a, b, y, SCALE) * c).sum().backward();
        for (leaf, expected) in leaves.iter().zip(gradients(sizes, &inputs)) {
            let found = values(leaf.grad(&grads).expect("a gradient")).await;
            assert_sums(&found, &expected);
        }
    }
}

async fn frozen_inputs_get_no_gradient(device: &TestDevice) {
    let (sizes, autodiff) = ([3, 9, 5, 2], device.autodiff());
    let (inputs, shapes) = (inputs(sizes), shapes(sizes));
    for trained in 0..4 {
        let leaf = |i: usize| {
            let leaf = tensor(&inputs[i], shapes[i], &autodiff);
            if i == trained { leaf.require_grad() } else { leaf }
        };
        let leaves = [0, 1, 2, 3].map(leaf);
        let [x, a, b, y] = leaves.clone();
        let grads = lora(x, a, b, y, SCALE).sum().backward();
        for (i, leaf) in leaves.iter().enumerate() {
            assert_eq!(leaf.grad(&grads).is_some(), i == trained);
        }
        assert_trained(&leaves[trained], &grads).await;
    }
}

async fn views_are_read_in_order(device: &TestDevice) {
    let sizes = [6, 40, 70, 11];
    let (inputs, shapes) = (inputs(sizes), shapes(sizes));
    let view = |i: usize| {
        let plain: Tensor<2> = tensor(&inputs[i], shapes[i], &device.device);
        (plain.transpose() * 1.0).transpose()
    };
    let [x, a, b, y] = [0, 1, 2, 3].map(view);
    assert_sums(&values(lora(x, a, b, y, SCALE)).await, &formula(sizes, &inputs));
}

async fn y_is_left_as_it_was(device: &TestDevice) {
    let sizes = [3, 9, 5, 2];
    let (inputs, shapes) = (inputs(sizes), shapes(sizes));
    let [x, a, b, y] = [0, 1, 2, 3].map(|i| tensor(&inputs[i], shapes[i], &device.device));
    let z = lora(x, a, b, y.clone(), SCALE);
    assert_sums(&values(z).await, &formula(sizes, &inputs));
    assert_eq!(values(y).await, inputs[3]);
}

async fn more_rows_than_workgroups(device: &TestDevice) {
    let sizes = [4 * MAX_WORKGROUPS as usize + 5, 2, 3, 1];
    let (inputs, shapes) = (inputs(sizes), shapes(sizes));
    let [x, a, b, y] = [0, 1, 2, 3].map(|i| tensor(&inputs[i], shapes[i], &device.device));
    assert_sums(&values(lora(x, a, b, y, SCALE)).await, &formula(sizes, &inputs));
}

async fn nothing_to_add_is_nothing_added(device: &TestDevice) {
    let y = numbers(10, 4);
    let none = |shape| tensor(&[], shape, &device.device);
    let z = lora(
        tensor(&numbers(6, 1), [2, 3], &device.device),
        none([0, 3]),
        none([5, 0]),
        tensor(&y, [2, 5], &device.device),
        SCALE,
    );
    assert_eq!(values(z).await, y);
}

async fn two_launches_forward_and_four_back(device: &TestDevice) {
    let (sizes, autodiff) = ([3, 9, 5, 2], device.autodiff());
    let (inputs, shapes) = (inputs(sizes), shapes(sizes));
    let leaves = [0, 1, 2, 3].map(|i| tensor(&inputs[i], shapes[i], &autodiff).require_grad());
    let [x, a, b, y] = leaves.clone();
    let (per_launch, before) = (u64::from(device.is_gpu()), launches());
    let loss = lora(x, a, b, y, SCALE).sum();
    assert_eq!(launches() - before, 2 * per_launch);
    let grads = loss.backward();
    assert_eq!(launches() - before, 6 * per_launch);
    assert_trained(&leaves[1], &grads).await;
}
