//! [`RmsNorm`] on the CPU device: one pass over each row.

#![allow(clippy::inline_always, reason = "the widest instruction set must reach the loops that it is for")]

use crate::dot_cpu::dot;
use crate::parallel::{for_each, numbers, owned, wide};
use crate::rms_norm::RmsNorm;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::TensorData;

/// Rows that a core takes at a time.
const ROWS: usize = 8;
/// Sums side by side, as many as the widest registers hold.
const WIDTH: usize = 16;

impl RmsNorm for Flex {
    fn forward(
        x: FloatTensor<Flex>,
        weight: FloatTensor<Flex>,
        eps: f32,
    ) -> (FloatTensor<Flex>, FloatTensor<Flex>) {
        let [rows, cols] = [x.shape()[0], x.shape()[1]];
        let (mut y, weight, mut factors) = (owned(x), weight.to_contiguous(), vec![0.0; rows]);
        let weight = numbers(&weight);
        let chunks = y.storage_mut::<f32>().chunks_mut((ROWS * cols).max(1)).zip(factors.chunks_mut(ROWS));
        for_each(chunks.collect(), |(rows, factors)| {
            wide(
                #[inline(always)]
                || {
                    for (row, factor) in rows.chunks_mut(cols).zip(factors) {
                        *factor = (mean_square(row) + eps).sqrt().recip();
                        for (x, weight) in row.iter_mut().zip(weight) {
                            *x = *x * *factor * weight;
                        }
                    }
                },
            );
        });
        (y, FloatTensor::<Flex>::from_data(TensorData::new(factors, [rows, 1])))
    }

    fn backward_input(
        x: FloatTensor<Flex>,
        weight: FloatTensor<Flex>,
        r: FloatTensor<Flex>,
        grad: FloatTensor<Flex>,
    ) -> FloatTensor<Flex> {
        let cols = x.shape()[1];
        let (mut grad, [x, weight, r]) = (owned(grad), [x, weight, r].map(|tensor| tensor.to_contiguous()));
        let weight = numbers(&weight);
        let len = (ROWS * cols).max(1);
        let chunks = grad.storage_mut::<f32>().chunks_mut(len).zip(numbers(&x).chunks(len));
        for_each(chunks.zip(numbers(&r).chunks(ROWS)).collect(), |((grads, rows), factors)| {
            wide(
                #[inline(always)]
                || {
                    let rows = grads.chunks_mut(cols).zip(rows.chunks(cols));
                    rows.zip(factors).for_each(|((grad, x), r)| backward_row(grad, x, weight, *r));
                },
            );
        });
        grad
    }
}

/// Puts `∂x` in the place of `∂y`.
#[inline(always)]
fn backward_row(grad: &mut [f32], x: &[f32], weight: &[f32], r: f32) {
    for (grad, weight) in grad.iter_mut().zip(weight) {
        *grad *= weight;
    }
    let along = dot(grad, x) / x.len() as f32 * r * r;
    for (grad, x) in grad.iter_mut().zip(x) {
        *grad = (*grad - x * along) * r;
    }
}

#[inline(always)]
fn mean_square(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<WIDTH>();
    let mut sums = [0.0; WIDTH];
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += x * x;
        }
    }
    (sums.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>()) / row.len() as f32
}
