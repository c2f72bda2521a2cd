//! A bidirectional LSTM of two layers, as `torch.nn.LSTM` has it (Hochreiter and Schmidhuber 1997).
//!
//! Token by token, from the first to the last and, with weights of their own, from the last to the first:
//! `i, f, g, o = W·x + b + V·h + c`, each of as many numbers as the state h, then `s = σ(f)·s + σ(i)·tanh(g)` and
//! `h = σ(o)·tanh(s)`. A layer gives both directions' h side by side.

use super::network::layer;
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::burn::tensor::activation::sigmoid;

/// How many layers.
pub(super) const LAYERS: u64 = 2;
/// The first layer's V, `[4·hidden, hidden]`.
pub(super) const STATE: &str = "prompt_encoder.lstm_head.weight_hh_l0";
/// W, V, b and c of a direction.
const PARTS: [&str; 4] = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"];

/// Each tensor's name and shape, in the order in which [`lstm`] takes them, and how many numbers PyTorch thinks are summed
/// up when it draws the first.
pub(super) fn parts(width: u64, hidden: u64) -> Vec<(String, [u64; 2], u64)> {
    let direction = |layer: u64, behind: &'static str| {
        let inputs = if layer == 0 { width } else { 2 * hidden };
        let shapes = [[4 * hidden, inputs], [4 * hidden, hidden], [1, 4 * hidden], [1, 4 * hidden]];
        let named = move |part: &str| format!("prompt_encoder.lstm_head.{part}_l{layer}{behind}");
        PARTS.into_iter().zip(shapes).map(move |(part, shape)| (named(part), shape, hidden))
    };
    (0..LAYERS)
        .flat_map(|layer| ["", "_reverse"].into_iter().flat_map(move |one| direction(layer, one)))
        .collect()
}

/// What it makes of rows x, `[tokens, 2·hidden]`, and the tensors that are left behind its own.
pub(super) fn lstm(x: Tensor<2>, tensors: &[Tensor<2>]) -> Option<(Tensor<2>, &[Tensor<2>])> {
    let (own, rest) = tensors.split_at_checked(2 * PARTS.len() * LAYERS as usize)?;
    let both = |x: Tensor<2>, layer: &[Tensor<2>]| {
        let (forth, back) = layer.split_at_checked(PARTS.len())?;
        Some(Tensor::cat(vec![direction(x.clone(), forth, false)?, direction(x, back, true)?], 1))
    };
    Some((own.chunks(2 * PARTS.len()).try_fold(x, both)?, rest))
}

/// The states h of one direction, `[tokens, hidden]`.
fn direction(x: Tensor<2>, tensors: &[Tensor<2>], reversed: bool) -> Option<Tensor<2>> {
    let [w, v, b, c] = tensors else { return None };
    let (tokens, hidden) = (x.dims()[0], v.dims()[1]);
    let inputs = layer(x, w, &(b.clone() + c.clone()));
    let mut h = inputs.clone().narrow(0, 0, 1).narrow(1, 0, hidden).zeros_like();
    let (mut s, mut states) = (h.clone(), Vec::with_capacity(tokens));
    for step in 0..tokens {
        let at = if reversed { tokens - 1 - step } else { step };
        let gates = inputs.clone().narrow(0, at, 1) + h.matmul(v.clone().transpose());
        let gate = |which: usize| gates.clone().narrow(1, which * hidden, hidden);
        s = sigmoid(gate(1)) * s + sigmoid(gate(0)) * gate(2).tanh();
        h = sigmoid(gate(3)) * s.clone().tanh();
        states.push(h.clone());
    }
    if reversed {
        states.reverse();
    }
    Some(Tensor::cat(states, 0))
}
