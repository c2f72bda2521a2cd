//! Attention of few queries on the CPU device, as when a model writes: operations would copy all the keys first.

#![allow(clippy::inline_always, reason = "the widest instruction set must reach the loops that it is for")]

use super::softmax::normalise;
use super::{Sizes, View};
use crate::dot_cpu::{add_scaled, dot};
use crate::parallel::{for_each_chunk, numbers, wide};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::TensorData;

/// Up to so many queries; more are sooner done as products of matrices.
pub(super) const FEW: usize = 4;
/// Products that are worth another core.
const SHARE: usize = 1 << 17;

/// What [`crate::attention()`] says, one head of one query after the other.
pub(super) fn attend(
    q: &FloatTensor<Flex>,
    k: &FloatTensor<Flex>,
    v: &FloatTensor<Flex>,
    view: &View,
) -> FloatTensor<Flex> {
    let shape = q.shape();
    let sizes = Sizes::new(&shape, &k.shape());
    let inputs = [q, k, v].map(FloatTensor::<Flex>::to_contiguous);
    let [q, k, v] = inputs.each_ref().map(numbers);
    let mut y = vec![0.0; q.len()];
    let rows = (SHARE / (sizes.keys * sizes.head_dim)).max(1);
    for_each_chunk(&mut y, rows * sizes.head_dim, |chunk, y| {
        wide(
            #[inline(always)]
            || {
                for (row, y) in y.chunks_mut(sizes.head_dim).enumerate() {
                    attend_row(chunk * rows + row, sizes, [q, k, v], view, y);
                }
            },
        );
    });
    FloatTensor::<Flex>::from_data(TensorData::new(y, shape))
}

/// One head of one query: `row` counts them.
#[inline(always)]
fn attend_row(row: usize, sizes: Sizes, [q, k, v]: [&[f32]; 3], view: &View, y: &mut [f32]) {
    let Sizes { heads, kv_heads, head_dim, .. } = sizes;
    let [start, end] = view.ranges[row / heads].map(|key| key as usize);
    let head = row % heads / (heads / kv_heads);
    let at = |key: usize| (key * kv_heads + head) * head_dim;
    let q = &q[row * head_dim..][..head_dim];
    let mut weights = Vec::with_capacity(end.saturating_sub(start));
    for key in start..end {
        weights.push(capped(view.scale * dot(q, &k[at(key)..][..head_dim]), view.soft_cap));
    }
    normalise(&mut weights);
    for (key, weight) in (start..end).zip(&weights) {
        add_scaled(y, *weight, &v[at(key)..][..head_dim]);
    }
}

#[inline(always)]
fn capped(score: f32, cap: Option<f32>) -> f32 {
    cap.map_or(score, |cap| cap * (score / cap).tanh())
}
