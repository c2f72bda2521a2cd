//! Rotary embedding against its formula in f64, at positions up to 131,071, and burn's own gradient.

use smolder_kernels::burn::tensor::{Device, Int, Tensor, TensorData};
use smolder_kernels::wgsl::{MAX_WORKGROUPS, launches};
use smolder_kernels::{Pairing, Scaling, rope, rope_frequencies};
use smolder_tests::{
    TestDevice, assert_close, assert_trained, numbers, on_every_device, probes, slope, tensor, values,
    weighted, wide,
};

const SCALE: f32 = 1.25;
const PAIRINGS: [Pairing; 2] = [Pairing::Interleaved, Pairing::Halves];

/// `[tokens, heads, head_dim, pairs]`, some with numbers behind the pairs.
const SHAPES: [[usize; 4]; 7] = [
    [1, 1, 2, 1],
    [1, 9, 64, 32],
    [7, 3, 6, 3],
    [7, 1, 10, 2],
    [33, 9, 64, 32],
    [5, 1, 80, 16],
    [3, 3, 128, 64],
];

on_every_device!(
    forward_is_the_formula,
    far_positions_keep_their_accuracy,
    gradients_are_those_of_plain_operations,
    gradients_are_finite_differences,
    views_are_read_in_order,
    more_numbers_than_invocations,
    one_launch_each_way,
);

struct Case {
    shape: [usize; 3],
    x: Vec<f32>,
    positions: Vec<i32>,
    frequencies: Vec<f32>,
    pairing: Pairing,
}

impl Case {
    fn new([tokens, heads, head_dim, pairs]: [usize; 4], pairing: Pairing) -> Self {
        let positions = numbers(tokens, 5).iter().map(|v| (v.abs() * 2048.0) as i32).collect();
        let frequencies = rope_frequencies(10_000.0, 2 * pairs, &Scaling::None);
        let x = numbers(tokens * heads * head_dim, 1);
        Self { shape: [tokens, heads, head_dim], x, positions, frequencies, pairing }
    }

    /// One of every shape and pairing.
    fn all() -> impl Iterator<Item = Self> {
        SHAPES.into_iter().flat_map(|shape| PAIRINGS.map(|pairing| Self::new(shape, pairing)))
    }

    /// The formula in f64, of an angle that was rounded to f32 as transformers does.
    fn formula(&self, x: &[f32]) -> Vec<f64> {
        let ([_, heads, head_dim], pairs) = (self.shape, self.frequencies.len());
        let mut y = wide(x);
        for (head, y) in y.chunks_mut(head_dim).enumerate() {
            for (pair, frequency) in self.frequencies.iter().enumerate() {
                let (sin, cos) = f64::from(self.positions[head / heads] as f32 * frequency).sin_cos();
                let (first, second) = match self.pairing {
                    Pairing::Interleaved => (2 * pair, 2 * pair + 1),
                    Pairing::Halves => (pair, pair + pairs),
                };
                let (a, b) = (y[first] * f64::from(SCALE), y[second] * f64::from(SCALE));
                (y[first], y[second]) = (a * cos - b * sin, b * cos + a * sin);
            }
        }
        y
    }

    fn rope(&self, x: Tensor<3>) -> Tensor<3> {
        let device = x.device();
        let frequencies = tensor(&self.frequencies, [self.frequencies.len()], &device);
        rope(x, places(&self.positions, &device), frequencies, self.pairing, SCALE)
    }

    fn gradient_input(&self, device: &TestDevice) -> (Tensor<3>, Tensor<3>) {
        let autodiff = device.autodiff();
        let x = tensor(&self.x, self.shape, &autodiff).require_grad();
        (x, tensor(&numbers(self.x.len(), 3), self.shape, &autodiff))
    }
}

fn places(positions: &[i32], device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(positions.to_vec(), [positions.len()]), device)
}

async fn forward_is_the_formula(device: &TestDevice) {
    for case in Case::all() {
        let y = case.rope(tensor(&case.x, case.shape, &device.device));
        assert_close(&values(y).await, &case.formula(&case.x), 2e-7, 3e-7);
    }
}

/// Frequency 1 makes the angle the position itself: 131,071 radians are 20,860 turns.
async fn far_positions_keep_their_accuracy(device: &TestDevice) {
    let mut case = Case::new([4096, 1, 4, 2], Pairing::Halves);
    case.positions = (0..4096).map(|i| i * 32 + i % 32).collect();
    case.frequencies = vec![1.0, 0.731];
    let y = case.rope(tensor(&case.x, case.shape, &device.device));
    assert_close(&values(y).await, &case.formula(&case.x), 2e-7, 3e-7);
}

async fn gradients_are_those_of_plain_operations(device: &TestDevice) {
    for case in Case::all() {
        let (x, c) = case.gradient_input(device);
        let ours = (case.rope(x.clone()) * c.clone()).sum().backward();
        let plain = (plain(&case, x.clone()) * c).sum().backward();
        let [ours, plain] = [ours, plain].map(|grads| x.grad(&grads).expect("a gradient for x"));
        assert_close(&values(ours).await, &wide(&values(plain).await), 1e-6, 1e-6);
    }
}

/// `x·cos + partner(x)·sin` with a permutation and signs, which shares nothing with the reference.
fn plain(case: &Case, x: Tensor<3>) -> Tensor<3> {
    let ([tokens, _, head_dim], pairs) = (case.shape, case.frequencies.len());
    let distance = match case.pairing {
        Pairing::Interleaved => 1,
        Pairing::Halves => i32::try_from(pairs).expect("a small number"),
    };
    let (mut cos, mut sin) = (vec![1.0; tokens * head_dim], vec![0.0; tokens * head_dim]);
    let mut partner: Vec<i32> = (0..).take(head_dim).collect();
    for index in 0..2 * pairs {
        let (pair, second) = match case.pairing {
            Pairing::Interleaved => (index / 2, index % 2 == 1),
            Pairing::Halves => (index % pairs, index >= pairs),
        };
        partner[index] += if second { -distance } else { distance };
        for token in 0..tokens {
            let angle = f64::from(case.positions[token] as f32 * case.frequencies[pair]);
            cos[token * head_dim + index] = SCALE * angle.cos() as f32;
            sin[token * head_dim + index] = SCALE * angle.sin() as f32 * if second { 1.0 } else { -1.0 };
        }
    }
    let device = x.device();
    let [cos, sin] = [cos, sin].map(|table| tensor(&table, [tokens, 1, head_dim], &device));
    x.clone() * cos + x.select(2, places(&partner, &device)) * sin
}

async fn gradients_are_finite_differences(device: &TestDevice) {
    for case in Case::all() {
        let (x, c) = case.gradient_input(device);
        let grads = (case.rope(x.clone()) * c.clone()).sum().backward();
        let (grad, c) = (values(x.grad(&grads).expect("a gradient for x")).await, values(c).await);
        for index in probes(case.x.len()) {
            let slope = slope(&case.x, index, |x| weighted(&case.formula(x), &c));
            assert_close(&[grad[index]], &[slope], 1e-5, 1e-5);
        }
    }
}

async fn views_are_read_in_order(device: &TestDevice) {
    let case = Case::new([5, 3, 6, 3], Pairing::Halves);
    let x = tensor(&case.x, case.shape, &device.device);
    let stored = x.clone().swap_dims(0, 1) * 1.0;
    let y = case.rope(stored.swap_dims(0, 1));
    assert_close(&values(y).await, &case.formula(&case.x), 2e-7, 3e-7);
}

async fn more_numbers_than_invocations(device: &TestDevice) {
    let case = Case::new([MAX_WORKGROUPS as usize + 1100, 1, 64, 1], Pairing::Halves);
    let y = case.rope(tensor(&case.x, case.shape, &device.device));
    assert_close(&values(y).await, &case.formula(&case.x), 2e-7, 3e-7);
}

async fn one_launch_each_way(device: &TestDevice) {
    let case = Case::new([3, 3, 6, 3], Pairing::Interleaved);
    let x = tensor(&case.x, case.shape, &device.autodiff()).require_grad();
    let per_launch = u64::from(device.is_gpu());
    let before = launches();
    let loss = case.rope(x.clone()).sum();
    assert_eq!(launches() - before, per_launch);
    let grads = loss.backward();
    assert_eq!(launches() - before, 2 * per_launch);
    assert_trained(&x, &grads).await;
}
