//! A residual connection and the norm behind it in one launch: `sum = x + residual`, `normed = rms_norm(sum)`.

use crate::rms_norm::{RmsNorm, RmsNormBackward, dims, kernel};
use crate::wgsl::empty_like;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Tensor};
use burn_wgpu::{CubeBackend, CubeTensor, into_contiguous};

/// `(sum, normed)` with `sum = x + residual` and `normed = sum · weight / √(mean(sum²) + ε)` over the last dimension.
///
/// Differentiable like the two operations that it stands for.
///
/// # Shapes
/// - `x`, `residual`, results: `[tokens, cols]`, f32
/// - `weight`: `[cols]`, f32
///
/// # Panics
/// When `x` and `residual` differ in shape, or `weight` does not have their last dimension.
pub fn add_rms_norm(
    x: Tensor<2>,
    residual: Tensor<2>,
    weight: Tensor<1>,
    eps: f32,
) -> (Tensor<2>, Tensor<2>) {
    assert_eq!(x.dims(), residual.dims(), "add_rms_norm: x and residual must have one shape");
    assert_eq!(weight.dims(), [x.dims()[1]], "add_rms_norm: weight must have x's last dimension");
    let (x, residual, weight) = (x.into_dispatch(), residual.into_dispatch(), weight.into_dispatch());
    let (sum, normed) = Dispatch::add_rms_norm(x, residual, weight, eps);
    (Tensor::from_dispatch(sum), Tensor::from_dispatch(normed))
}

/// The operation that [`Dispatch`] routes to a device.
#[backend_extension(Autodiff, Cube, Flex)]
pub(crate) trait AddRmsNormOps: Backend {
    fn add_rms_norm(
        x: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

/// Forward of one device. The default body is the reference; the backward is RMSNorm's.
pub(crate) trait AddRmsNorm: RmsNorm {
    /// `sum`, `normed` and, for the backward, RMSNorm's `r`.
    fn add_forward(
        x: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        eps: f32,
    ) -> [FloatTensor<Self>; 3] {
        let sum = Self::float_add(x, residual);
        let (normed, r) = Self::forward(sum.clone(), weight, eps);
        [sum, normed, r]
    }
}

impl AddRmsNorm for Flex {}

impl AddRmsNorm for CubeBackend {
    fn add_forward(x: CubeTensor, residual: CubeTensor, weight: CubeTensor, eps: f32) -> [CubeTensor; 3] {
        let [x, residual, weight] = [x, residual, weight].map(into_contiguous);
        let [rows, cols] = dims(&x);
        let (sum, normed) = (empty_like(&x, x.shape()), empty_like(&x, x.shape()));
        let r = empty_like(&x, Shape::new([rows, 1]));
        let kernel = kernel("add_forward", cols).with("EPS", eps);
        let info = [rows as u32, 0, 0, 0];
        kernel.launch(&[&x, &residual, &weight], &[&sum, &normed, &r], info, rows as u32);
        [sum, normed, r]
    }
}

impl AddRmsNormOps for Flex {
    fn add_rms_norm(
        x: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [sum, normed, _] = Self::add_forward(x, residual, weight, eps);
        (sum, normed)
    }
}

impl AddRmsNormOps for CubeBackend {
    fn add_rms_norm(
        x: CubeTensor,
        residual: CubeTensor,
        weight: CubeTensor,
        eps: f32,
    ) -> (CubeTensor, CubeTensor) {
        let [sum, normed, _] = Self::add_forward(x, residual, weight, eps);
        (sum, normed)
    }
}

/// Burn's graph has one output a node, so the one launch enters it as the sum and, behind it, the norm.
impl<B: AddRmsNorm, C: CheckpointStrategy> AddRmsNormOps for Autodiff<B, C> {
    fn add_rms_norm(
        x: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let ((x, x_node), (residual, residual_node)) = (x.into_parts(), residual.into_parts());
        let (weight, weight_node) = weight.into_parts();
        let [sum, normed, r] = B::add_forward(x, residual, weight.clone(), eps);
        let sum = SumBackward.prepare::<C>([x_node, residual_node]).compute_bound().stateless(sum);
        let (primitive, sum_node) = sum.clone().into_parts();
        let norm = RmsNormBackward.prepare::<C>([sum_node, weight_node]).compute_bound().stateful();
        let normed = match norm {
            OpsKind::Tracked(prep) => prep.finish((primitive, weight, r), normed),
            OpsKind::UnTracked(prep) => prep.finish(normed),
        };
        (sum, normed)
    }
}

#[derive(Debug)]
struct SumBackward;

impl<B: Backend> Backward<B, 2> for SumBackward {
    type State = ();

    fn backward(self, ops: Ops<(), 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        for node in ops.parents.into_iter().flatten() {
            grads.register::<B>(node.id, grad.clone());
        }
    }
}
