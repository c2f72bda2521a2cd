//! Rotary position embedding: pairs of a head's numbers turn by `position · frequency` (Su et al. 2021, arXiv
//! 2104.09864).

use crate::wgsl::{Kernel, Shader, empty_like};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{Int, Shape, Tensor};
use burn_wgpu::{CubeBackend, CubeTensor, into_contiguous};

pub(crate) const SHADER: Shader = Shader { name: "rope", source: include_str!("../../../shaders/rope.wgsl") };

const LANES: u32 = 64;

/// Which numbers of a head form a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// `2i` and `2i + 1`, as in the paper and in llama's GGUF files.
    Interleaved,
    /// `i` and `i + rotary/2`, as in transformers ("NeoX").
    Halves,
}

/// Turns each pair of numbers by its angle.
///
/// With `a`, `b` the pair `i` of a head at position `p` and `θ = p · frequencies[i]`:
/// `(a, b) → scale · (a·cos θ − b·sin θ, b·cos θ + a·sin θ)`. Numbers behind the first `2 · frequencies` of a head pass
/// unchanged. Differentiable in `x` alone. `θ` is rounded to f32 as in transformers, its cosine and sine are exact to
/// 2e-7 up to an angle of 131,072.
///
/// # Shapes
/// - `x`, result: `[tokens, heads, head_dim]`, f32
/// - `positions`: `[tokens]`, 32-bit, not negative
/// - `frequencies`: `[rotary / 2]` in radians a position, see [`rope_frequencies`](crate::rope_frequencies)
///
/// # Panics
/// When `positions` does not match `x`'s tokens, or `frequencies` has more than `head_dim / 2` numbers or none.
pub fn rope(
    x: Tensor<3>,
    positions: Tensor<1, Int>,
    frequencies: Tensor<1>,
    pairing: Pairing,
    scale: f32,
) -> Tensor<3> {
    let [tokens, _, head_dim] = x.dims();
    assert_eq!(positions.dims(), [tokens], "rope: one position for each token");
    assert!((1..=head_dim / 2).contains(&frequencies.dims()[0]), "rope: 1 to head_dim / 2 frequencies");
    let rotation = Rotation { pairing, scale, back: false };
    let y =
        Dispatch::rope(x.into_dispatch(), positions.into_dispatch(), frequencies.into_dispatch(), rotation);
    Tensor::from_dispatch(y)
}

/// How to turn, and which way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rotation {
    pub pairing: Pairing,
    pub scale: f32,
    pub back: bool,
}

/// The operation that [`Dispatch`] routes to a device.
#[backend_extension(Autodiff, Cube, Flex)]
pub(crate) trait RopeOps: Backend {
    fn rope(
        x: FloatTensor<Self>,
        positions: IntTensor<Self>,
        frequencies: FloatTensor<Self>,
        rotation: Rotation,
    ) -> FloatTensor<Self>;
}

fn dims(shape: &Shape) -> [usize; 3] {
    [shape[0], shape[1], shape[2]]
}

impl RopeOps for CubeBackend {
    fn rope(
        x: CubeTensor,
        positions: CubeTensor,
        frequencies: CubeTensor,
        Rotation { pairing, scale, back }: Rotation,
    ) -> CubeTensor {
        let [x, positions, frequencies] = [x, positions, frequencies].map(into_contiguous);
        let ([tokens, heads, head_dim], pairs) = (dims(&x.shape()), frequencies.shape()[0]);
        let y = empty_like(&x, x.shape());
        let kernel = Kernel::new(&SHADER, "forward", LANES)
            .with("HEADS", heads as u32)
            .with("HEAD_DIM", head_dim as u32)
            .with("PAIRS", pairs as u32)
            .with("INTERLEAVED", u32::from(pairing == Pairing::Interleaved))
            .with("SCALE", scale);
        let workgroups = (tokens * (head_dim - pairs)).div_ceil(LANES as usize) as u32;
        let info = [tokens as u32, u32::from(back), 0, 0];
        kernel.launch(&[&x, &positions, &frequencies], &[&y], info, workgroups);
        y
    }
}

impl<B: RopeOps, C: CheckpointStrategy> RopeOps for Autodiff<B, C> {
    fn rope(
        x: FloatTensor<Self>,
        positions: IntTensor<Self>,
        frequencies: FloatTensor<Self>,
        rotation: Rotation,
    ) -> FloatTensor<Self> {
        let ((x, x_node), (frequencies, _)) = (x.into_parts(), frequencies.into_parts());
        let y = B::rope(x, positions.clone(), frequencies.clone(), rotation);
        match RopeBackward.prepare::<C>([x_node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((positions, frequencies, rotation), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}

#[derive(Debug)]
struct RopeBackward;

impl<B: RopeOps> Backward<B, 1> for RopeBackward {
    type State = (IntTensor<B>, FloatTensor<B>, Rotation);

    /// A rotation's transpose turns the other way.
    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (positions, frequencies, rotation) = ops.state;
        if let Some(node) = node {
            let back = Rotation { back: !rotation.back, ..rotation };
            grads.register::<B>(node.id, B::rope(grad, positions, frequencies, back));
        }
    }
}
