//! RMSNorm: `r = 1/√(mean(x²) + ε)`, `y = x · r · w` (Zhang & Sennrich 2019, arXiv 1910.07467).

use crate::wgsl::{Kernel, Shader, empty_like};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Tensor};
use burn_wgpu::{CubeBackend, CubeTensor, into_contiguous};

pub(crate) const SHADER: Shader =
    Shader { name: "rms_norm", source: include_str!("../../../shaders/rms_norm.wgsl") };

const LANES: u32 = 64;

/// Normalises each row of the last dimension and scales it by `weight`.
///
/// `y = x · w / √(mean(x²) + ε)`, differentiable in `x` and `weight`; a `weight` that needs no gradient costs none.
///
/// # Shapes
/// - `x`, result: `[…, cols]`, f32
/// - `weight`: `[cols]`, f32
///
/// # Panics
/// When `weight` does not have `x`'s last dimension: models check the shapes of their tensors when they load.
pub fn rms_norm<const D: usize>(x: Tensor<D>, weight: Tensor<1>, eps: f32) -> Tensor<D> {
    let dims = x.dims();
    let cols = dims[D - 1];
    assert_eq!(weight.dims(), [cols], "rms_norm: weight must have x's last dimension");
    let rows = dims.iter().product::<usize>() / cols.max(1);
    let x: Tensor<2> = x.reshape([rows, cols]);
    let y = Dispatch::rms_norm(x.into_dispatch(), weight.into_dispatch(), eps);
    Tensor::<2>::from_dispatch(y).reshape(dims)
}

/// The operation that [`Dispatch`] routes to a device.
#[backend_extension(Autodiff, Cube, Flex)]
pub(crate) trait RmsNormOps: Backend {
    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f32) -> FloatTensor<Self>;
}

/// Forward and backward of one device.
pub(crate) trait RmsNorm: Backend {
    /// `y` and, for the backward, `r` as `[rows, 1]`.
    fn forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// `∂x = r·(g·w) − x·r³·mean(g·w·x)`
    fn backward_input(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        r: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// `∂w = Σ_rows g·x·r`; plain operations of burn where a device has nothing better.
    fn backward_weight(
        x: FloatTensor<Self>,
        r: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let cols = x.shape()[1];
        let sum = Self::float_sum_dim(Self::float_mul(grad, Self::float_mul(x, r)), 0);
        Self::float_reshape(sum, Shape::new([cols]))
    }
}

impl RmsNorm for CubeBackend {
    fn forward(x: CubeTensor, weight: CubeTensor, eps: f32) -> (CubeTensor, CubeTensor) {
        let (x, weight) = (into_contiguous(x), into_contiguous(weight));
        let [rows, cols] = dims(&x);
        let (y, r) = (empty_like(&x, x.shape()), empty_like(&x, Shape::new([rows, 1])));
        let kernel = kernel("forward", cols).with("EPS", eps);
        kernel.launch(&[&x, &weight], &[&y, &r], [rows as u32, 0, 0, 0], rows as u32);
        (y, r)
    }

    fn backward_input(x: CubeTensor, weight: CubeTensor, r: CubeTensor, grad: CubeTensor) -> CubeTensor {
        let (x, weight, grad) = (into_contiguous(x), into_contiguous(weight), into_contiguous(grad));
        let [rows, cols] = dims(&x);
        let grad_x = empty_like(&x, x.shape());
        let inputs = [&x, &weight, &r, &grad];
        kernel("backward_input", cols).launch(&inputs, &[&grad_x], [rows as u32, 0, 0, 0], rows as u32);
        grad_x
    }

    fn backward_weight(x: CubeTensor, r: CubeTensor, grad: CubeTensor) -> CubeTensor {
        let (x, grad) = (into_contiguous(x), into_contiguous(grad));
        let [rows, cols] = dims(&x);
        let grad_w = empty_like(&x, Shape::new([cols]));
        let inputs = [&x, &r, &grad];
        kernel("backward_weight", cols).launch(&inputs, &[&grad_w], [rows as u32, 0, 0, 0], cols as u32);
        grad_w
    }
}

pub(crate) fn kernel(entry: &'static str, cols: usize) -> Kernel {
    Kernel::new(&SHADER, entry, LANES).with("COLS", cols as u32)
}

pub(crate) fn dims(x: &CubeTensor) -> [usize; 2] {
    [x.shape()[0], x.shape()[1]]
}

impl RmsNormOps for Flex {
    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f32) -> FloatTensor<Self> {
        <Self as RmsNorm>::forward(x, weight, eps).0
    }
}

impl RmsNormOps for CubeBackend {
    fn rms_norm(x: CubeTensor, weight: CubeTensor, eps: f32) -> CubeTensor {
        <Self as RmsNorm>::forward(x, weight, eps).0
    }
}

impl<B: RmsNorm, C: CheckpointStrategy> RmsNormOps for Autodiff<B, C> {
    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f32) -> FloatTensor<Self> {
        let ((x, x_node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        let (y, r) = B::forward(x.clone(), weight.clone(), eps);
        match RmsNormBackward.prepare::<C>([x_node, weight_node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, weight, r), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}

#[derive(Debug)]
pub(crate) struct RmsNormBackward;

impl<B: RmsNorm> Backward<B, 2> for RmsNormBackward {
    /// `x`, `weight`, `r`
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, weight_node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (x, weight, r) = ops.state;
        if let Some(node) = weight_node {
            grads.register::<B>(node.id, B::backward_weight(x.clone(), r.clone(), grad.clone()));
        }
        if let Some(node) = x_node {
            grads.register::<B>(node.id, B::backward_input(x, weight, r, grad));
        }
    }
}
