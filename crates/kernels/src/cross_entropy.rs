//! Cross-entropy of logits, and its gradient at once: the full backward of a loss needs no graph.

use crate::wgsl::{Kernel, Shader, empty_like, owned};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{Int, Shape, Tensor};
use burn_wgpu::{CubeBackend, CubeTensor, into_contiguous};

pub(crate) const SHADER: Shader =
    Shader { name: "cross_entropy", source: include_str!("../../../shaders/cross_entropy.wgsl") };

const LANES: u32 = 256;

/// Each row's `loss = log Σ_j exp(l_j) − l_target` and `gradient = scale · ∂loss/∂logits`.
///
/// `l` is `logits`, or `c · tanh(logits / c)` with `soft_cap` `c`; so
/// `gradient_j = scale · (softmax(l)_j − [j = target]) · (1 − (l_j / c)²)`, without the last factor where there is no
/// cap. The gradient takes the logits' memory where nobody else holds them. Neither result takes part in a backward
/// pass. A row with a target outside the vocabulary or a logit that is not finite has a loss and a gradient of NaN.
///
/// # Shapes
/// - `logits`, `gradient`: `[rows, vocabulary]`, f32
/// - `targets`: `[rows]`, 32-bit
/// - losses, unscaled: `[rows]`
///
/// # Panics
/// When `targets` does not match the rows.
pub fn cross_entropy(
    logits: Tensor<2>,
    targets: Tensor<1, Int>,
    scale: f32,
    soft_cap: Option<f32>,
) -> (Tensor<1>, Tensor<2>) {
    assert_eq!(targets.dims(), [logits.dims()[0]], "cross_entropy: one target for each row");
    let (logits, targets) = (logits.inner().into_dispatch(), targets.inner().into_dispatch());
    let (losses, gradient) = Dispatch::cross_entropy(logits, targets, scale, soft_cap);
    (Tensor::from_dispatch(losses), Tensor::from_dispatch(gradient))
}

/// The operation that [`Dispatch`] routes to a device.
#[backend_extension(Cube, Flex)]
pub(crate) trait CrossEntropyOps: Backend {
    fn cross_entropy(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        scale: f32,
        soft_cap: Option<f32>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

impl CrossEntropyOps for CubeBackend {
    fn cross_entropy(
        logits: CubeTensor,
        targets: CubeTensor,
        scale: f32,
        soft_cap: Option<f32>,
    ) -> (CubeTensor, CubeTensor) {
        let (logits, targets) = (owned(logits), into_contiguous(targets));
        let (rows, vocabulary) = (logits.shape()[0], logits.shape()[1] as u32);
        let losses = empty_like(&logits, Shape::new([rows]));
        let kernel = Kernel::new(&SHADER, "forward", LANES).with("SOFT_CAP", soft_cap.unwrap_or(0.0));
        let info = [rows as u32, vocabulary, scale.to_bits(), f32::NAN.to_bits()];
        kernel.launch(&[&targets], &[&logits, &losses], info, rows as u32);
        (losses, logits)
    }
}
