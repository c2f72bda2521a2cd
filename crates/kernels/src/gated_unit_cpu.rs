//! [`GatedUnit`] on the CPU device: one pass, which a compiler vectorises.

#![allow(clippy::inline_always, reason = "the widest instruction set must reach the loops that it is for")]

use crate::exp_cpu::exp;
use crate::gated_unit::{GELU_CUBE, GELU_SLOPE, Gate, GatedUnit};
use crate::parallel::{for_each, numbers, owned, wide};
use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;

/// Numbers that a core takes at a time.
const CHUNK: usize = 1 << 13;

impl GatedUnit for Flex {
    fn forward(gate: FloatTensor<Flex>, up: FloatTensor<Flex>, activation: Gate) -> FloatTensor<Flex> {
        let (mut y, up) = (owned(gate), up.to_contiguous());
        let chunks = y.storage_mut::<f32>().chunks_mut(CHUNK).zip(numbers(&up).chunks(CHUNK));
        for_each(chunks.collect(), |(y, up)| {
            wide(
                #[inline(always)]
                || match activation {
                    Gate::Silu => forward::<false>(y, up),
                    Gate::GeluTanh => forward::<true>(y, up),
                },
            );
        });
        y
    }

    fn backward(
        gate: FloatTensor<Flex>,
        up: FloatTensor<Flex>,
        grad: FloatTensor<Flex>,
        activation: Gate,
    ) -> (FloatTensor<Flex>, FloatTensor<Flex>) {
        let (mut gate, mut up, grad) = (owned(gate), owned(up), grad.to_contiguous());
        let both = gate.storage_mut::<f32>().chunks_mut(CHUNK).zip(up.storage_mut::<f32>().chunks_mut(CHUNK));
        for_each(both.zip(numbers(&grad).chunks(CHUNK)).collect(), |((gate, up), grad)| {
            wide(
                #[inline(always)]
                || match activation {
                    Gate::Silu => backward::<false>(gate, up, grad),
                    Gate::GeluTanh => backward::<true>(gate, up, grad),
                },
            );
        });
        (gate, up)
    }
}

/// Puts `y` in the gate's place.
#[inline(always)]
fn forward<const GELU: bool>(gate: &mut [f32], up: &[f32]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        *gate *= sigmoid::<GELU>(*gate).0 * up;
    }
}

/// Puts the gradients in their places.
#[inline(always)]
fn backward<const GELU: bool>(gate: &mut [f32], up: &mut [f32], grad: &[f32]) {
    for ((gate, up), grad) in gate.iter_mut().zip(up).zip(grad) {
        let (share, slope) = sigmoid::<GELU>(*gate);
        let active = *gate * share;
        *gate = (share + active * (1.0 - share) * slope) * *up * grad;
        *up = active * grad;
    }
}

/// `σ(h(g))` and `h'(g)`: for SiLU `h(g) = g`; GELU's tanh form has the same shape, as `1 + tanh(z) = 2σ(2z)`.
#[inline(always)]
fn sigmoid<const GELU: bool>(gate: f32) -> (f32, f32) {
    let square = GELU_CUBE * gate * gate;
    let (h, slope) = if GELU {
        (gate * GELU_SLOPE * (1.0 + square), GELU_SLOPE * (1.0 + 3.0 * square))
    } else {
        (gate, 1.0)
    };
    (1.0 / (1.0 + exp(-h)), slope)
}
