//! Attention against its formula in f64, finite differences, and burn's own gradient of the plain operations.

use smolder_kernels::burn::tensor::{Device, Tensor, activation};
use smolder_kernels::wgsl::launches;
use smolder_kernels::{KeyRanges, attention};
use smolder_tests::{
    TestDevice, assert_close, assert_trained, numbers, on_every_device, probes, slope, tensor, values,
    weighted, wide,
};

on_every_device!(
    forward_is_the_formula,
    gradients_are_those_of_plain_operations_and_finite_differences,
    huge_scores_neither_overflow_nor_vanish,
    views_are_read_in_order,
    ranges_need_no_autodiff_device,
    nothing_in_nothing_out,
    launches_are_counted,
);

#[derive(Clone)]
struct Case {
    /// `[heads, kv_heads, head_dim]`
    heads: [usize; 3],
    keys: usize,
    ranges: Vec<[u32; 2]>,
    soft_cap: Option<f32>,
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
}

impl Case {
    fn new(heads: [usize; 3], keys: usize, ranges: Vec<[u32; 2]>, soft_cap: Option<f32>) -> Self {
        let [q_width, k_width] = [heads[0] * heads[2], heads[1] * heads[2]];
        let q = numbers(ranges.len() * q_width, 1).iter().map(|v| 4.0 * v).collect();
        let [k, v] = [2, 3].map(|seed| numbers(keys * k_width, seed));
        Self { heads, keys, ranges, soft_cap, q, k, v }
    }

    fn all() -> Vec<Self> {
        let random = |queries: usize, keys: u32| {
            let ends = numbers(2 * queries, 7);
            ends.chunks(2).map(|pair| [0, 1].map(|i| (pair[i].abs() * keys as f32) as u32)).collect()
        };
        let window = (0..40_u32).map(|query| [query.saturating_sub(6), query + 1]).collect();
        let cached = vec![[0, 100], [0, 101], [0, 0], [120, 121], [200, 299], [200, 300], [7, 7]];
        vec![
            Self::new([1, 1, 2], 1, vec![[0, 1]], None),
            Self::new([3, 1, 6], 7, causal(&[7]), None),
            Self::new([9, 3, 64], 33, causal(&[33]), None),
            Self::new([9, 3, 64], 33, causal(&[5, 1, 20, 7]), Some(1.5)),
            Self::new([3, 1, 10], 300, causal(&[1, 150, 140]), None),
            Self::new([3, 3, 80], 40, window, None),
            Self::new([9, 3, 64], 310, cached.clone(), None),
            Self::new([4, 1, 256], 310, cached, Some(3.0)),
            Self::new([9, 3, 64], 1500, vec![[3, 1499]], None),
            Self::new([16, 8, 128], 500, vec![[0, 77], [77, 78], [100, 100], [101, 500]], None),
            Self::new([4, 2, 128], 50, random(33, 50), Some(0.7)),
            Self::new([1, 1, 320], 70, random(9, 70), None),
            Self::new([2, 1, 6], 4, vec![[0, 0], [3, 3], [2, 1]], None),
        ]
    }

    fn scale(&self) -> f32 {
        (self.heads[2] as f32).sqrt().recip()
    }

    /// The formula in f64, one query and head after the other.
    fn formula(&self, q: &[f32], k: &[f32], v: &[f32]) -> Vec<f64> {
        let [heads, kv_heads, dim] = self.heads;
        let row = |row: usize| {
            let head = row % heads / (heads / kv_heads);
            let at = |key: u32| (key as usize * kv_heads + head) * dim..;
            let score = |key: u32| {
                let products = q[row * dim..][..dim].iter().zip(&k[at(key)]);
                let dot: f64 = products.map(|(q, k)| f64::from(*q) * f64::from(*k)).sum();
                let score = dot * f64::from(self.scale());
                self.soft_cap.map_or(score, |cap| f64::from(cap) * (score / f64::from(cap)).tanh())
            };
            let keys = self.ranges[row / heads][0]..self.ranges[row / heads][1];
            let scores: Vec<f64> = keys.clone().map(score).collect();
            let top = scores.iter().copied().fold(f64::MIN, f64::max);
            let total: f64 = scores.iter().map(|score| (score - top).exp()).sum();
            let mut sum = vec![0.0; dim];
            for (key, score) in keys.zip(scores) {
                let weight = (score - top).exp() / total;
                sum.iter_mut().zip(&v[at(key)]).for_each(|(sum, v)| *sum += weight * f64::from(*v));
            }
            sum
        };
        (0..self.ranges.len() * heads).flat_map(row).collect()
    }

    fn inputs(&self, device: &Device) -> [Tensor<3>; 3] {
        let [heads, kv_heads, dim] = self.heads;
        let q = tensor(&self.q, [self.ranges.len(), heads, dim], device);
        let [k, v] = [&self.k, &self.v].map(|v| tensor(v, [self.keys, kv_heads, dim], device));
        [q, k, v]
    }

    fn attention(&self, [q, k, v]: [Tensor<3>; 3]) -> Tensor<3> {
        let ranges = KeyRanges::new(&self.ranges, &q.device());
        attention(q, k, v, &ranges, self.scale(), self.soft_cap)
    }

    /// The matrix of scores, masked.
    fn plain(&self, [q, k, v]: [Tensor<3>; 3]) -> Tensor<3> {
        let ([heads, kv_heads, dim], queries) = (self.heads, self.ranges.len());
        let grouped = [kv_heads, heads / kv_heads * queries, dim];
        let sees = |range: &[u32; 2], key: u32| if (range[0]..range[1]).contains(&key) { 1.0 } else { 0.0 };
        let pairs = self.ranges.iter().flat_map(|range| (0..self.keys as u32).map(|key| sees(range, key)));
        let visible = tensor(&pairs.collect::<Vec<_>>(), [1, queries, self.keys], &q.device());
        let scores = q.swap_dims(0, 1).reshape(grouped).matmul(k.permute([1, 2, 0]));
        let scores = scores.mul_scalar(self.scale()).reshape([heads, queries, self.keys]);
        let scores = match self.soft_cap {
            Some(cap) => scores.div_scalar(cap).tanh().mul_scalar(cap),
            None => scores,
        };
        let hidden = visible.clone().sub_scalar(1.0).mul_scalar(1e30);
        let weights = activation::softmax(scores + hidden, 2) * visible;
        let out =
            weights.reshape([kv_heads, heads / kv_heads * queries, self.keys]).matmul(v.swap_dims(0, 1));
        out.reshape([heads, queries, dim]).swap_dims(0, 1)
    }

    /// Gradients of Σ y·c for `q`, `k` and `v`.
    async fn gradients(
        &self,
        device: &TestDevice,
        run: impl Fn([Tensor<3>; 3]) -> Tensor<3>,
    ) -> [Vec<f32>; 3] {
        let autodiff = device.autodiff();
        let inputs = self.inputs(&autodiff).map(Tensor::require_grad);
        let c = tensor(&numbers(self.q.len(), 4), inputs[0].dims(), &autodiff);
        let grads = (run(inputs.clone()) * c).sum().backward();
        let [q, k, v] = inputs.map(|input| input.grad(&grads).expect("a gradient"));
        [values(q).await, values(k).await, values(v).await]
    }

    /// Compares gradients of Σ y·c with finite differences of the formula.
    fn assert_slopes(&self, grads: &[Vec<f32>; 3]) {
        let inputs = [&self.q, &self.k, &self.v];
        let c = numbers(self.q.len(), 4);
        for (input, grad) in grads.iter().enumerate() {
            for index in probes(grad.len()) {
                let slope = slope(inputs[input], index, |moved| {
                    let mut inputs: [&[f32]; 3] = inputs.map(Vec::as_slice);
                    inputs[input] = moved;
                    weighted(&self.formula(inputs[0], inputs[1], inputs[2]), &c)
                });
                assert_close(&[grad[index]], &[slope], 1e-5, 1e-5);
            }
        }
    }
}

/// Ranges of sequences that lie one behind the other.
fn causal(lengths: &[u32]) -> Vec<[u32; 2]> {
    let starts = lengths.iter().scan(0, |next, length| Some(std::mem::replace(next, *next + length)));
    starts
        .zip(lengths)
        .flat_map(|(start, length)| (start..start + length).map(move |i| [start, i + 1]))
        .collect()
}

async fn forward_is_the_formula(device: &TestDevice) {
    for case in Case::all() {
        let y = values(case.attention(case.inputs(&device.device))).await;
        assert_close(&y, &case.formula(&case.q, &case.k, &case.v), 2e-6, 1e-6);
    }
}

/// Both at once, and the plain operations on the CPU: compiling kernels for so many shapes is what takes the time.
async fn gradients_are_those_of_plain_operations_and_finite_differences(device: &TestDevice) {
    let cpu = TestDevice::cpu();
    for case in Case::all() {
        let ours = case.gradients(device, |inputs| case.attention(inputs)).await;
        let plain = case.gradients(&cpu, |inputs| case.plain(inputs)).await;
        for (ours, plain) in ours.iter().zip(&plain) {
            assert_close(ours, &wide(plain), 1e-5, 1e-5);
        }
        case.assert_slopes(&ours);
    }
}

/// Scores of up to ±8192, every one exact in f32, so that only the softmax can err; a capped one is rounded by 2e-6.
async fn huge_scores_neither_overflow_nor_vanish(device: &TestDevice) {
    for (soft_cap, rounding) in [(None, 2e-6), (Some(50.0), 4e-6)] {
        let mut case = Case::new([3, 1, 64], 33, causal(&[33]), soft_cap);
        for values in [&mut case.q, &mut case.k] {
            for value in values {
                *value = (value.clamp(-1.0, 1.0) * 4.0).round() * 8.0;
            }
        }
        let y = values(case.attention(case.inputs(&device.device))).await;
        assert_close(&y, &case.formula(&case.q, &case.k, &case.v), rounding, rounding);
        for grad in case.gradients(device, |inputs| case.attention(inputs)).await {
            assert!(grad.iter().all(|value| value.is_finite()));
        }
    }
}

/// Heads before tokens in memory, and keys that are the middle of a cache.
async fn views_are_read_in_order(device: &TestDevice) {
    let case = Case::new([4, 2, 6], 9, causal(&[9]), None);
    let [q, k, v] = case.inputs(&device.device);
    let stored = q.swap_dims(0, 1) * 1.0;
    let cache = Tensor::cat(vec![v.clone(), k, v.clone()], 0);
    let y = case.attention([stored.swap_dims(0, 1), cache.slice(9..18), v]);
    assert_close(&values(y).await, &case.formula(&case.q, &case.k, &case.v), 2e-6, 1e-6);
}

/// The same ranges serve training and sampling, wherever they were made.
async fn ranges_need_no_autodiff_device(device: &TestDevice) {
    let case = Case::new([3, 1, 6], 7, causal(&[7]), None);
    for made_on in [device.device.clone(), device.autodiff()] {
        let ranges = KeyRanges::causal(&[7], &made_on);
        let [q, k, v] = case.inputs(&device.device);
        let y = attention(q, k, v, &ranges, case.scale(), None);
        assert!(!y.is_autodiff());
        let [q, k, v] = case.inputs(&device.autodiff()).map(Tensor::require_grad);
        let grads = attention(q.clone(), k, v, &ranges, case.scale(), None).sum().backward();
        assert_trained(&q, &grads).await;
        assert_close(&values(y).await, &case.formula(&case.q, &case.k, &case.v), 2e-6, 1e-6);
    }
}

async fn nothing_in_nothing_out(device: &TestDevice) {
    let none = KeyRanges::new(&[], &device.device);
    let empty = || Tensor::<3>::zeros([0, 2, 4], &device.device);
    assert_eq!(attention(empty(), empty(), empty(), &none, 1.0, None).dims(), [0, 2, 4]);
}

async fn launches_are_counted(device: &TestDevice) {
    let per_launch = u64::from(device.is_gpu());
    let packed = Case::new([3, 1, 8], 7, causal(&[3, 4]), None);
    let inputs = packed.inputs(&device.autodiff()).map(Tensor::require_grad);
    let before = launches();
    let loss = packed.attention(inputs.clone()).sum();
    assert_eq!(launches() - before, per_launch);
    let grads = loss.backward();
    assert_eq!(launches() - before, 4 * per_launch, "rows' sums, queries, keys");
    for input in &inputs {
        assert_trained(input, &grads).await;
    }
    let decoding = Case::new([9, 3, 64], 512, vec![[0, 512]], None);
    let before = launches();
    let y = decoding.attention(decoding.inputs(&device.device));
    assert_eq!(launches() - before, 2 * per_launch, "keys are split and merged");
    assert!(values(y).await.iter().all(|v| v.is_finite()));
}
