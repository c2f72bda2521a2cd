//! [`RopeOps`] on the CPU device: each token's angles once for all heads.

use crate::parallel::{for_each, numbers, owned};
use crate::rope::{Pairing, RopeOps, Rotation};
use burn::backend::ops::IntTensorOps;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::IntDType;

/// Tokens that a core takes at a time.
const TOKENS: usize = 8;

impl RopeOps for Flex {
    fn rope(
        x: FloatTensor<Self>,
        positions: IntTensor<Self>,
        frequencies: FloatTensor<Self>,
        rotation: Rotation,
    ) -> FloatTensor<Self> {
        let (heads, head_dim) = (x.shape()[1], x.shape()[2]);
        let positions = Self::int_cast(positions, IntDType::I64).to_contiguous();
        let positions: &[i64] = positions.as_slice().unwrap_or_default();
        let (mut y, frequencies) = (owned(x), frequencies.to_contiguous());
        let frequencies = numbers(&frequencies);
        let width = (heads * head_dim).max(1);
        let chunks = y.storage_mut::<f32>().chunks_mut(TOKENS * width).zip(positions.chunks(TOKENS));
        for_each(chunks.collect(), |(tokens, positions)| {
            for (token, position) in tokens.chunks_mut(width).zip(positions) {
                let turns: Vec<[f32; 2]> =
                    frequencies.iter().map(|f| turn(*position as f32 * f, rotation)).collect();
                token.chunks_mut(head_dim).for_each(|head| apply(head, &turns, rotation.pairing));
            }
        });
        y
    }
}

/// Cosine and sine of an angle, scaled.
fn turn(angle: f32, rotation: Rotation) -> [f32; 2] {
    let (sin, cos) = angle.sin_cos();
    [cos * rotation.scale, if rotation.back { -sin } else { sin } * rotation.scale]
}

/// Turns a head's pairs; what lies behind them stays.
fn apply(head: &mut [f32], turns: &[[f32; 2]], pairing: Pairing) {
    match pairing {
        Pairing::Interleaved => {
            for (pair, turn) in head.as_chunks_mut::<2>().0.iter_mut().zip(turns) {
                *pair = turned(*pair, *turn);
            }
        }
        Pairing::Halves => {
            let (first, rest) = head.split_at_mut(turns.len());
            for ((a, b), turn) in first.iter_mut().zip(rest).zip(turns) {
                [*a, *b] = turned([*a, *b], *turn);
            }
        }
    }
}

fn turned([a, b]: [f32; 2], [cos, sin]: [f32; 2]) -> [f32; 2] {
    [a * cos - b * sin, b * cos + a * sin]
}
