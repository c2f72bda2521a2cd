//! Attention of queries over ranges of keys, without the matrix of scores (Dao 2023, arXiv 2307.08691).

mod cpu;
mod few;
mod gpu;
mod softmax;

use crate::KeyRanges;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Shape, Tensor};
use burn_wgpu::CubeBackend;
use std::sync::Arc;

pub(crate) use gpu::{BACKWARD_SHADER, SHADER};

/// The widest head of [`attention()`]: what fits WebGPU's workgroup memory and invocations.
pub const MAX_HEAD_DIM: usize = 512;

/// `y_i = Σ_j p_ij · v_j` over the keys `j` that query `i` sees, with `p_ij = softmax_j(cap(scale · q_i · k_j))`.
///
/// A query that sees nothing gives zeros. Query head `h` uses key head `h / (heads / kv_heads)` (GQA, arXiv 2305.13245).
/// `cap(s)` is `s`, or `c · tanh(s / c)` with `soft_cap` `c` (Gemma 2, arXiv 2408.00118). Differentiable in `q`, `k` and
/// `v`; memory grows with queries plus keys, never with their product.
///
/// # Shapes
/// - `q`, result: `[queries, heads, head_dim]`, f32
/// - `k`, `v`: `[keys, kv_heads, head_dim]`, f32
///
/// # Panics
/// When `k` and `v` differ in shape, `q` has another `head_dim` or one over 512, `heads` is no multiple of `kv_heads`,
/// or `ranges` does not match the number of queries or reaches beyond the keys.
pub fn attention(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    ranges: &KeyRanges,
    scale: f32,
    soft_cap: Option<f32>,
) -> Tensor<3> {
    let ([queries, heads, head_dim], [keys, kv_heads, key_dim]) = (q.dims(), k.dims());
    assert_eq!(k.dims(), v.dims(), "attention: k and v must have one shape");
    assert_eq!(head_dim, key_dim, "attention: q and k must have one head_dim");
    assert!(head_dim <= MAX_HEAD_DIM, "attention: head_dim {head_dim} is over {MAX_HEAD_DIM}");
    assert!(heads.is_multiple_of(kv_heads), "attention: {heads} heads cannot share {kv_heads} key heads");
    assert_eq!(ranges.ranges.len(), queries, "attention: one range for each query");
    assert!(ranges.keys <= keys, "attention: ranges reach key {} of {keys}", ranges.keys);
    if queries == 0 || keys == 0 {
        return q.zeros_like();
    }
    let view = View { ranges: ranges.ranges.clone(), keys: ranges.keys, scale, soft_cap };
    let (q, k, v) = (q.into_dispatch(), k.into_dispatch(), v.into_dispatch());
    Tensor::from_dispatch(Dispatch::attention(q, k, v, ranges.spans.clone().into_dispatch(), view))
}

/// What is known on the host.
#[derive(Clone, Debug)]
pub(crate) struct View {
    ranges: Arc<[[u32; 2]]>,
    keys: usize,
    scale: f32,
    soft_cap: Option<f32>,
}

/// Sizes of one call.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    queries: usize,
    keys: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
}

impl Sizes {
    fn new(q: &Shape, k: &Shape) -> Self {
        Self { queries: q[0], keys: k[0], heads: q[1], kv_heads: k[1], head_dim: q[2] }
    }
}

/// The operation that [`Dispatch`] routes to a device.
#[backend_extension(Autodiff, Cube, Flex)]
pub(crate) trait AttentionOps: Backend {
    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        spans: IntTensor<Self>,
        view: View,
    ) -> FloatTensor<Self>;
}

/// All that the backward needs.
#[derive(Clone, Debug)]
pub(crate) struct Saved<B: Backend> {
    q: FloatTensor<B>,
    k: FloatTensor<B>,
    v: FloatTensor<B>,
    y: FloatTensor<B>,
    /// `log Σ_j exp(s_ij)` as `[queries, heads]`; the CPU device computes it again.
    lse: Option<FloatTensor<B>>,
    spans: IntTensor<B>,
    view: View,
}

/// Forward and backward of one device.
pub(crate) trait Attention: Backend {
    /// `y`, and what the backward needs.
    fn forward(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        spans: IntTensor<Self>,
        view: View,
    ) -> Saved<Self>;

    /// Gradients of `q`, `k` and `v`.
    fn backward(saved: Saved<Self>, grad: FloatTensor<Self>) -> [FloatTensor<Self>; 3];
}

impl AttentionOps for Flex {
    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        spans: IntTensor<Self>,
        view: View,
    ) -> FloatTensor<Self> {
        <Self as Attention>::forward(q, k, v, spans, view).y
    }
}

impl AttentionOps for CubeBackend {
    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        spans: IntTensor<Self>,
        view: View,
    ) -> FloatTensor<Self> {
        <Self as Attention>::forward(q, k, v, spans, view).y
    }
}

impl<B: Attention, C: CheckpointStrategy> AttentionOps for Autodiff<B, C> {
    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        spans: IntTensor<Self>,
        view: View,
    ) -> FloatTensor<Self> {
        let ((q, q_node), (k, k_node), (v, v_node)) = (q.into_parts(), k.into_parts(), v.into_parts());
        let saved = B::forward(q, k, v, spans, view);
        let y = saved.y.clone();
        match AttentionBackward.prepare::<C>([q_node, k_node, v_node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(saved, y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}

#[derive(Debug)]
struct AttentionBackward;

impl<B: Attention> Backward<B, 3> for AttentionBackward {
    type State = Saved<B>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        for (node, grad) in ops.parents.into_iter().zip(B::backward(ops.state, grad)) {
            if let Some(node) = node {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}
