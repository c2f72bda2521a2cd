//! [`CrossEntropyOps`] on the CPU device: rows side by side, each in short passes that a compiler vectorises.

#![allow(clippy::inline_always, reason = "the widest instruction set must reach the loops that it is for")]

use crate::cross_entropy::CrossEntropyOps;
use crate::exp_cpu::exp;
use crate::parallel::{for_each, owned, wide};
use burn::backend::ops::IntTensorOps;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{IntDType, TensorData};

/// Sums side by side, as many as the widest registers hold.
const WIDTH: usize = 16;
/// Numbers of a sum in f32.
const BLOCK: usize = 64 * WIDTH;
/// The bits of infinity; those of a NaN are larger.
const NOT_FINITE: u32 = 0x7f80_0000;

impl CrossEntropyOps for Flex {
    fn cross_entropy(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        scale: f32,
        soft_cap: Option<f32>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (rows, vocabulary) = (logits.shape()[0], logits.shape()[1]);
        let targets = Self::int_cast(targets, IntDType::I64).to_contiguous();
        let mut logits = owned(logits);
        let mut losses = vec![0.0; rows];
        let items = logits.storage_mut::<f32>().chunks_mut(vocabulary.max(1)).zip(&mut losses);
        let targets: &[i64] = targets.as_slice().unwrap_or_default();
        for_each(items.zip(targets).collect(), |((row, loss), &target)| {
            *loss = usize::try_from(target)
                .ok()
                .and_then(|target| descend_wide(row, target, scale, soft_cap))
                .unwrap_or_else(|| {
                    row.fill(f32::NAN);
                    f32::NAN
                });
        });
        (FloatTensor::<Self>::from_data(TensorData::new(losses, [rows])), logits)
    }
}

fn descend_wide(row: &mut [f32], target: usize, scale: f32, soft_cap: Option<f32>) -> Option<f32> {
    wide(
        #[inline(always)]
        || descend(row, target, scale, soft_cap),
    )
}

/// The row's loss, its gradient in the row's place; `None` for a target or a logit that it has no loss for.
#[inline(always)]
fn descend(row: &mut [f32], target: usize, scale: f32, soft_cap: Option<f32>) -> Option<f32> {
    let at_target = *row.get(target)?;
    let largest = largest(row)?;
    let (total, top, logit, slope) = match soft_cap {
        None => (exponentials(row, |x| (exp(x - largest), 1.0)), largest, at_target, 1.0),
        Some(cap) => {
            let (top, (logit, slope)) = (capped(largest, cap).0, capped(at_target, cap));
            let share = |x| {
                let (l, slope) = capped(x, cap);
                (exp(l - top), slope)
            };
            (exponentials(row, share), top, logit, slope)
        }
    };
    let share = (f64::from(scale) / total) as f32;
    for gradient in row.iter_mut() {
        *gradient *= share;
    }
    row[target] -= scale * slope;
    Some((total.ln() + f64::from(top) - f64::from(logit)) as f32)
}

/// The row's maximum; `None` where a number is not finite.
#[inline(always)]
fn largest(row: &[f32]) -> Option<f32> {
    let (mut tops, mut sizes) = ([f32::MIN; WIDTH], [0; WIDTH]);
    let (chunks, rest) = row.as_chunks::<WIDTH>();
    for chunk in chunks {
        for ((top, size), x) in tops.iter_mut().zip(&mut sizes).zip(chunk) {
            *top = if x > top { *x } else { *top };
            *size = x.abs().to_bits().max(*size);
        }
    }
    let size = rest.iter().map(|x| x.abs().to_bits()).chain(sizes).max()?;
    (size < NOT_FINITE).then(|| tops.iter().chain(rest).copied().fold(f32::MIN, f32::max))
}

/// Puts `e · slope` in the place of each `x`, with `(e, slope) = share(x)`, and sums up the `e`.
#[inline(always)]
fn exponentials(row: &mut [f32], share: impl Fn(f32) -> (f32, f32)) -> f64 {
    let mut total = 0.0;
    for block in row.chunks_mut(BLOCK) {
        let mut sums = [0.0_f32; WIDTH];
        for chunk in block.chunks_mut(WIDTH) {
            for (x, sum) in chunk.iter_mut().zip(&mut sums) {
                let (e, slope) = share(*x);
                *x = e * slope;
                *sum += e;
            }
        }
        total += sums.into_iter().map(f64::from).sum::<f64>();
    }
    total
}

/// `c · tanh(x / c)` and its slope.
#[inline(always)]
fn capped(x: f32, cap: f32) -> (f32, f32) {
    let rest = 2.0 / (exp(x * (2.0 / cap)) + 1.0);
    (cap * (1.0 - rest), rest * (2.0 - rest))
}
