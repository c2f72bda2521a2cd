//! Dropout with a mask that can be computed again (Srivastava et al. 2014, JMLR 15).

use crate::parallel::{self, for_each_chunk};
use crate::wgsl::{Kernel, Shader, empty_like};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;
use burn_wgpu::{CubeBackend, CubeTensor, into_contiguous};

pub(crate) const SHADER: Shader =
    Shader { name: "dropout", source: include_str!("../../../shaders/dropout.wgsl") };

const LANES: u32 = 64;
/// Numbers that a processor core takes at once.
const CHUNK: usize = 1 << 14;

/// `y = x · mask / (1 − rate)`, differentiable in `x`.
///
/// Number `i` of `x` in row-major order is zeroed where `h(h(i) + seed) < rate · 2³²`, `h` being Chris Wellons'
/// `lowbias32`: the same mask on every device, in the backward and when a checkpointed layer is computed again, with
/// nothing saved. Each use of a step needs a seed of its own. A rate of zero returns `x`.
///
/// # Shapes
/// - `x`, result: `[rows, cols]`, f32
///
/// # Panics
/// When `rate` is not in [0, 1).
pub fn dropout(x: Tensor<2>, rate: f32, seed: u32) -> Tensor<2> {
    assert!((0.0..1.0).contains(&rate), "dropout: the rate must be in [0, 1), not {rate}");
    if rate == 0.0 {
        return x;
    }
    Tensor::from_dispatch(Dispatch::dropout(x.into_dispatch(), Mask::new(rate, seed)))
}

/// Which numbers are kept, and what they are multiplied with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mask {
    seed: u32,
    threshold: u32,
    scale: f32,
}

impl Mask {
    fn new(rate: f32, seed: u32) -> Self {
        let rate = f64::from(rate);
        Self { seed, threshold: (rate * 2_f64.powi(32)) as u32, scale: (1.0 / (1.0 - rate)) as f32 }
    }

    fn keeps(self, index: u32) -> bool {
        hash(hash(index).wrapping_add(self.seed)) >= self.threshold
    }
}

/// Wellons' `lowbias32`.
fn hash(word: u32) -> u32 {
    let word = (word ^ (word >> 16)).wrapping_mul(0x7feb_352d);
    let word = (word ^ (word >> 15)).wrapping_mul(0x846c_a68b);
    word ^ (word >> 16)
}

/// The operation that [`Dispatch`] routes to a device.
#[backend_extension(Autodiff, Cube, Flex)]
pub(crate) trait DropoutOps: Backend {
    fn dropout(x: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self>;
}

impl DropoutOps for Flex {
    fn dropout(x: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self> {
        let mut y = parallel::owned(x);
        for_each_chunk(y.storage_mut::<f32>(), CHUNK, |chunk, numbers| {
            for (index, number) in ((chunk * CHUNK) as u32..).zip(numbers) {
                *number = if mask.keeps(index) { *number * mask.scale } else { 0.0 };
            }
        });
        y
    }
}

impl DropoutOps for CubeBackend {
    fn dropout(x: CubeTensor, mask: Mask) -> CubeTensor {
        let x = into_contiguous(x);
        let (y, count) = (empty_like(&x, x.shape()), x.shape().num_elements() as u32);
        let info = [count, mask.seed, mask.threshold, mask.scale.to_bits()];
        Kernel::new(&SHADER, "forward", LANES).launch(&[&x], &[&y], info, count.div_ceil(LANES));
        y
    }
}

impl<B: DropoutOps, C: CheckpointStrategy> DropoutOps for Autodiff<B, C> {
    fn dropout(x: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let y = B::dropout(x, mask);
        match DropoutBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(mask, y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}

/// `∂x = ∂y · mask / (1 − rate)`: the forward again.
#[derive(Debug)]
struct DropoutBackward;

impl<B: DropoutOps> Backward<B, 1> for DropoutBackward {
    type State = Mask;

    fn backward(self, ops: Ops<Mask, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            grads.register::<B>(node.id, B::dropout(grad, ops.state));
        }
    }
}
