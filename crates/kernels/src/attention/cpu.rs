//! Attention on the CPU device: many queries in burn operations but for the softmax, a block at a time.

use super::few::{FEW, attend};
use super::softmax::softmax;
use super::{Attention, Saved, Sizes, View};
use crate::parallel::numbers;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{FloatDType, Shape, Slice, TensorData};

/// Largest matrix of scores, in numbers: 16 MiB.
const SCORES: usize = 4 << 20;
/// Queries of a block at most: more of them see more keys that only some of them see.
const BLOCK: usize = 128;

type Numbers = FloatTensor<Flex>;

impl Attention for Flex {
    fn forward(q: Numbers, k: Numbers, v: Numbers, spans: IntTensor<Flex>, view: View) -> Saved<Flex> {
        let sizes = Sizes::new(&q.shape(), &k.shape());
        if sizes.queries <= FEW {
            let y = attend(&q, &k, &v, &view);
            return Saved { q, k, v, y, lse: None, spans, view };
        }
        let outputs = blocks(sizes, &view).into_iter().map(|block| {
            let (p, _) = block.probabilities(&q, &k, &view);
            block.ungrouped(Flex::float_matmul(p, block.values(&v)))
        });
        let y = Flex::float_cat(outputs.collect(), 0);
        Saved { q, k, v, y, lse: None, spans, view }
    }

    /// With `D_i = Σ ∂y_i·y_i`: `∂v = pᵀ·∂y`, `∂s = p · (∂y·vᵀ − D)`, `∂q = ∂s·k`, `∂k = ∂sᵀ·q`.
    fn backward(saved: Saved<Flex>, grad: Numbers) -> [Numbers; 3] {
        let Saved { q, k, v, y, view, .. } = saved;
        let blocks = blocks(Sizes::new(&q.shape(), &k.shape()), &view);
        let transposed = |tensor: Numbers| Flex::float_swap_dims(tensor, 1, 2);
        let zeros = |like: &Numbers| Flex::float_zeros(like.shape(), &like.device(), FloatDType::F32);
        let (mut grad_k, mut grad_v) = (zeros(&k), zeros(&v));
        let mut grad_q = Vec::with_capacity(blocks.len());
        for block in &blocks {
            let (p, slope) = block.probabilities(&q, &k, &view);
            let grad = block.grouped(&grad);
            let d = Flex::float_sum_dim(Flex::float_mul(grad.clone(), block.grouped(&y)), 2);
            let dp = Flex::float_matmul(grad.clone(), transposed(block.values(&v)));
            let mut ds = Flex::float_mul(Flex::float_sub(dp, d), p.clone());
            if let Some(slope) = slope {
                ds = Flex::float_mul(ds, slope);
            }
            let ds = Flex::float_mul_scalar(ds, view.scale.into());
            grad_q.push(block.ungrouped(Flex::float_matmul(ds.clone(), block.values(&k))));
            let part = Flex::float_matmul(transposed(ds), block.grouped(&q));
            grad_k = block.add_to_keys(grad_k, part);
            grad_v = block.add_to_keys(grad_v, Flex::float_matmul(transposed(p), grad));
        }
        [Flex::float_cat(grad_q, 0), grad_k, grad_v]
    }
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

    /// `[queries, heads, head_dim]` to this block's `[kv_heads, group · rows, head_dim]`.
    fn grouped(&self, tensor: &Numbers) -> Numbers {
        let Sizes { heads, kv_heads, head_dim, .. } = self.sizes;
        let tensor = tensor.to_contiguous();
        let rows = &numbers(&tensor)[self.from * heads * head_dim..self.to * heads * head_dim];
        // Head by head: burn's own transposition moves single numbers.
        let mut grouped = Vec::with_capacity(rows.len());
        for head in 0..heads {
            let of_head = rows.chunks(heads * head_dim).map(|row| &row[head * head_dim..][..head_dim]);
            of_head.for_each(|row| grouped.extend_from_slice(row));
        }
        let shape = [kv_heads, heads / kv_heads * self.rows(), head_dim];
        Numbers::from_data(TensorData::new(grouped, shape))
    }

    /// Undoes `grouped`.
    fn ungrouped(&self, tensor: Numbers) -> Numbers {
        let shape = Shape::new([self.sizes.heads, self.rows(), self.sizes.head_dim]);
        Flex::float_permute(Flex::float_reshape(tensor, shape), &[1, 0, 2])
    }

    /// `[keys, kv_heads, head_dim]` to this block's `[kv_heads, keys, head_dim]`.
    fn values(&self, tensor: &Numbers) -> Numbers {
        let rows = Flex::float_slice(tensor.clone(), &[Slice::from(self.keys[0]..self.keys[1])]);
        Flex::float_permute(rows, &[1, 0, 2])
    }

    /// Adds this block's `[kv_heads, keys, head_dim]` to `[keys, kv_heads, head_dim]`.
    fn add_to_keys(&self, sum: Numbers, part: Numbers) -> Numbers {
        let rows = [Slice::from(self.keys[0]..self.keys[1])];
        let part = Flex::float_permute(part, &[1, 0, 2]);
        let part = Flex::float_add(Flex::float_slice(sum.clone(), &rows), part);
        Flex::float_slice_assign(sum, &rows, part)
    }

    /// Softmax and, where there is a cap, the slope of it, as `[kv_heads, group · rows, keys]`.
    fn probabilities(&self, q: &Numbers, k: &Numbers, view: &View) -> (Numbers, Option<Numbers>) {
        let q = Flex::float_mul_scalar(self.grouped(q), view.scale.into());
        let scores = Flex::float_matmul(q, Flex::float_swap_dims(self.values(k), 1, 2));
        let (scores, slope) = capped(scores, view.soft_cap);
        (softmax(scores, self.ranges, self.keys[0]), slope)
    }
}

/// `c · tanh(s / c)` and its slope `1 − tanh²(s / c)`.
fn capped(scores: Numbers, cap: Option<f32>) -> (Numbers, Option<Numbers>) {
    let Some(cap) = cap else { return (scores, None) };
    let tanh = Flex::float_tanh(Flex::float_div_scalar(scores, cap.into()));
    let square = Flex::float_mul(tanh.clone(), tanh.clone());
    let slope = Flex::float_add_scalar(Flex::float_neg(square), 1.0.into());
    (Flex::float_mul_scalar(tanh, cap.into()), Some(slope))
}
