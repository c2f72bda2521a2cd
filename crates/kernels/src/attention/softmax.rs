//! Softmax on the CPU device over the keys that each query sees.

#![allow(clippy::inline_always, reason = "the widest instruction set must reach the loops that it is for")]

use crate::exp_cpu::exp;
use crate::parallel::{for_each_chunk, owned, wide};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};

/// Scores that a core takes at a time, about.
const CHUNK: usize = 1 << 13;
/// Numbers side by side, as many as the widest registers hold.
const WIDTH: usize = 16;

/// Probabilities in the place of scores `[_, _, keys]`: zero for keys outside a row's range. Row `i` has the range
/// `ranges[i mod ranges]`; the first key of the scores is the ranges' key `first`.
pub(super) fn softmax(scores: FloatTensor<Flex>, ranges: &[[u32; 2]], first: usize) -> FloatTensor<Flex> {
    let keys = scores.shape()[2].max(1);
    let rows = (CHUNK / keys).max(1);
    let mut scores = owned(scores);
    for_each_chunk(scores.storage_mut::<f32>(), rows * keys, |chunk, scores| {
        wide(
            #[inline(always)]
            || {
                for (row, scores) in scores.chunks_mut(keys).enumerate() {
                    let [start, end] = ranges[(chunk * rows + row) % ranges.len()].map(|key| key as usize);
                    let seen = if start < end { start - first..end - first } else { 0..0 };
                    scores[..seen.start].fill(0.0);
                    scores[seen.end..].fill(0.0);
                    normalise(&mut scores[seen]);
                }
            },
        );
    });
    scores
}

/// `e^s / Σ e^s`
#[inline(always)]
pub(super) fn normalise(scores: &mut [f32]) {
    let (chunks, rest) = scores.as_chunks_mut::<WIDTH>();
    let mut tops = [f32::MIN; WIDTH];
    for chunk in &*chunks {
        for (top, s) in tops.iter_mut().zip(chunk) {
            *top = if s > top { *s } else { *top };
        }
    }
    let top = tops.iter().chain(&*rest).copied().fold(f32::MIN, f32::max);
    let mut sums = [0.0; WIDTH];
    for chunk in chunks {
        raise(chunk, top, &mut sums);
    }
    raise(rest, top, &mut sums);
    let share = sums.iter().sum::<f32>().recip();
    for s in scores {
        *s *= share;
    }
}

/// Puts `e^(s − top)` in the place of each score, and adds it to a sum.
#[inline(always)]
fn raise(scores: &mut [f32], top: f32, sums: &mut [f32; WIDTH]) {
    for (s, sum) in scores.iter_mut().zip(sums) {
        *s = exp(*s - top);
        *sum += *s;
    }
}
