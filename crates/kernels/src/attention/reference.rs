//! Attention in plain burn operations, a block of queries at a time.

use super::{Saved, Sizes, View};
use burn::backend::tensor::{BoolTensor, FloatTensor};
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{FloatDType, Shape, Slice, TensorData};

/// Largest matrix of scores, in numbers: 16 MiB.
const SCORES: usize = 4 << 20;
/// Queries of a block at most: more of them see more keys that only some of them see.
const BLOCK: usize = 128;
/// A score that leaves nothing of its probability, and no NaN where a row has no other.
const LOWEST: f32 = -1e30;

pub(super) fn forward<B: Backend>(
    q: &FloatTensor<B>,
    k: &FloatTensor<B>,
    v: &FloatTensor<B>,
    view: &View,
) -> FloatTensor<B> {
    let sizes = Sizes::new(&q.shape(), &k.shape());
    let outputs = blocks(sizes, view).into_iter().map(|block| {
        let (p, _) = block.probabilities::<B>(q, k, view);
        block.ungrouped::<B>(B::float_matmul(p, block.values::<B>(v)))
    });
    B::float_cat(outputs.collect(), 0)
}

/// With `D_i = Σ ∂y_i·y_i`: `∂v = pᵀ·∂y`, `∂s = p · (∂y·vᵀ − D)`, `∂q = ∂s·k`, `∂k = ∂sᵀ·q`.
pub(super) fn backward<B: Backend>(saved: Saved<B>, grad: &FloatTensor<B>) -> [FloatTensor<B>; 3] {
    let Saved { q, k, v, y, view, .. } = saved;
    let blocks = blocks(Sizes::new(&q.shape(), &k.shape()), &view);
    let transposed = |tensor: FloatTensor<B>| B::float_swap_dims(tensor, 1, 2);
    let zeros = |like: &FloatTensor<B>| B::float_zeros(like.shape(), &like.device(), FloatDType::F32);
    let (mut grad_k, mut grad_v) = (zeros(&k), zeros(&v));
    let mut grad_q = Vec::with_capacity(blocks.len());
    for block in &blocks {
        let (p, slope) = block.probabilities::<B>(&q, &k, &view);
        let grad = block.grouped::<B>(grad);
        let d = B::float_sum_dim(B::float_mul(grad.clone(), block.grouped::<B>(&y)), 2);
        let dp = B::float_matmul(grad.clone(), transposed(block.values::<B>(&v)));
        let mut ds = B::float_mul(B::float_sub(dp, d), p.clone());
        if let Some(slope) = slope {
            ds = B::float_mul(ds, slope);
        }
        let ds = B::float_mul_scalar(ds, view.scale.into());
        grad_q.push(block.ungrouped::<B>(B::float_matmul(ds.clone(), block.values::<B>(&k))));
        let part = B::float_matmul(transposed(ds), block.grouped::<B>(&q));
        grad_k = block.add_to_keys::<B>(grad_k, part);
        grad_v = block.add_to_keys::<B>(grad_v, B::float_matmul(transposed(p), grad));
    }
    [B::float_cat(grad_q, 0), grad_k, grad_v]
}

/// Queries `from..to` and the keys that any of them sees.
struct Block<'a> {
    sizes: Sizes,
    from: usize,
    to: usize,
    keys: [usize; 2],
    ranges: &'a [[u32; 2]],
}

fn blocks(sizes: Sizes, view: &View) -> Vec<Block<'_>> {
    let rows = (SCORES / (sizes.heads * sizes.keys).max(1)).clamp(1, BLOCK);
    let block = |from: usize| {
        let to = (from + rows).min(sizes.queries);
        let ranges = &view.ranges[from..to];
        let seen = || ranges.iter().filter(|range| range[0] < range[1]);
        // One key at least: a softmax over none is undefined.
        let start = seen().map(|range| range[0]).min().unwrap_or(0) as usize;
        let end = seen().map(|range| range[1]).max().unwrap_or(1) as usize;
        Block { sizes, from, to, keys: [start, end], ranges }
    };
    (0..sizes.queries).step_by(rows).map(block).collect()
}

impl Block<'_> {
    fn rows(&self) -> usize {
        self.to - self.from
    }

    fn width(&self) -> usize {
        self.keys[1] - self.keys[0]
    }

    /// `[queries, heads, head_dim]` to this block's `[kv_heads, group · rows, head_dim]`.
    fn grouped<B: Backend>(&self, tensor: &FloatTensor<B>) -> FloatTensor<B> {
        let rows = B::float_slice(tensor.clone(), &[Slice::from(self.from..self.to)]);
        let Sizes { heads, kv_heads, head_dim, .. } = self.sizes;
        let shape = Shape::new([kv_heads, heads / kv_heads * self.rows(), head_dim]);
        B::float_reshape(B::float_permute(rows, &[1, 0, 2]), shape)
    }

    /// Undoes `grouped`.
    fn ungrouped<B: Backend>(&self, tensor: FloatTensor<B>) -> FloatTensor<B> {
        let shape = Shape::new([self.sizes.heads, self.rows(), self.sizes.head_dim]);
        B::float_permute(B::float_reshape(tensor, shape), &[1, 0, 2])
    }

    /// `[keys, kv_heads, head_dim]` to this block's `[kv_heads, keys, head_dim]`.
    fn values<B: Backend>(&self, tensor: &FloatTensor<B>) -> FloatTensor<B> {
        let rows = B::float_slice(tensor.clone(), &[Slice::from(self.keys[0]..self.keys[1])]);
        B::float_permute(rows, &[1, 0, 2])
    }

    /// Adds this block's `[kv_heads, keys, head_dim]` to `[keys, kv_heads, head_dim]`.
    fn add_to_keys<B: Backend>(&self, sum: FloatTensor<B>, part: FloatTensor<B>) -> FloatTensor<B> {
        let rows = [Slice::from(self.keys[0]..self.keys[1])];
        let part = B::float_permute(part, &[1, 0, 2]);
        let part = B::float_add(B::float_slice(sum.clone(), &rows), part);
        B::float_slice_assign(sum, &rows, part)
    }

    /// Softmax and, where there is a cap, the slope of it, as `[kv_heads, group · rows, keys]`.
    fn probabilities<B: Backend>(
        &self,
        q: &FloatTensor<B>,
        k: &FloatTensor<B>,
        view: &View,
    ) -> (FloatTensor<B>, Option<FloatTensor<B>>) {
        let device = q.device();
        let q = B::float_mul_scalar(self.grouped::<B>(q), view.scale.into());
        let scores = B::float_matmul(q, B::float_swap_dims(self.values::<B>(k), 1, 2));
        let shape = scores.shape();
        let (scores, slope) = capped::<B>(scores, view.soft_cap);
        let by_head = Shape::new([self.sizes.heads, self.rows(), self.width()]);
        let mut scores = B::float_reshape(scores, by_head);
        let Some(hidden) = self.hidden::<B>(&device) else {
            return (B::float_reshape(B::softmax(scores, 2), shape), slope);
        };
        scores = B::float_mask_fill(scores, hidden.clone(), LOWEST.into());
        let mut p = B::softmax(scores, 2);
        if self.ranges.iter().any(|range| range[0] >= range[1]) {
            p = B::float_mask_fill(p, hidden, 0.0.into());
        }
        (B::float_reshape(p, shape), slope)
    }

    /// Which pairs a query does not see, as `[1, rows, keys]`; `None` where all are seen.
    fn hidden<B: Backend>(&self, device: &B::Device) -> Option<BoolTensor<B>> {
        let [start, end] = self.keys;
        if self.ranges.iter().all(|range| range[0] as usize <= start && end <= range[1] as usize) {
            return None;
        }
        let pairs = self
            .ranges
            .iter()
            .flat_map(|range| (start..end).map(|key| !(range[0] as usize..range[1] as usize).contains(&key)));
        let data = TensorData::new(pairs.collect(), [1, self.rows(), self.width()]);
        Some(B::bool_from_data(data, device))
    }
}

/// `c · tanh(s / c)` and its slope `1 − tanh²(s / c)`.
fn capped<B: Backend>(scores: FloatTensor<B>, cap: Option<f32>) -> (FloatTensor<B>, Option<FloatTensor<B>>) {
    let Some(cap) = cap else { return (scores, None) };
    let tanh = B::float_tanh(B::float_div_scalar(scores, cap.into()));
    let square = B::float_mul(tanh.clone(), tanh.clone());
    let slope = B::float_add_scalar(B::float_neg(square), 1.0.into());
    (B::float_mul_scalar(tanh, cap.into()), Some(slope))
}
