//! `AdamW`: Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101).

use crate::parallel::{self, for_each, numbers};
use crate::wgsl::{self, Kernel, Shader};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;
use burn_wgpu::{CubeBackend, CubeTensor, into_contiguous};

pub(crate) const SHADER: Shader =
    Shader { name: "adamw", source: include_str!("../../../shaders/adamw.wgsl") };

const LANES: u32 = 64;
/// Numbers that a processor core takes at once.
const CHUNK: usize = 1 << 14;

/// The settings of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Learning rate of this step.
    pub rate: f64,
    /// Decay of the mean of gradients, in [0, 1).
    pub beta1: f64,
    /// Decay of the mean of their squares, in [0, 1).
    pub beta2: f64,
    /// What the root of that mean is never below.
    pub epsilon: f64,
    /// Share of a parameter that a learning rate of one takes off.
    pub weight_decay: f64,
    /// Number of the step, from 1.
    pub step: u32,
}

/// One step, as `torch.optim.AdamW` computes it:
///
/// ```text
/// g = factor · gradient
/// m = β1·m + (1 − β1)·g         v = β2·v + (1 − β2)·g²
/// p = p·(1 − rate·decay) − rate/(1 − β1ᵗ) · m / (√v/√(1 − β2ᵗ) + ε)
/// ```
///
/// Returns the new `parameter`, `mean` and `variance`, in their old memory where nobody else holds them. A factor that
/// is not finite, as [`clip_factor`](crate::clip_factor) gives for such a gradient, leaves all three as they are: no
/// need to wait for the norm before the step. No tensor takes part in a backward pass.
///
/// # Shapes
/// - all of one shape, but for `factor`: `[1]`
///
/// # Panics
/// When the shapes differ, or the step is number 0.
pub fn adamw(
    parameter: Tensor<2>,
    gradient: Tensor<2>,
    mean: Tensor<2>,
    variance: Tensor<2>,
    factor: Tensor<1>,
    settings: AdamW,
) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
    let tensors = [parameter, gradient, mean, variance];
    assert!(tensors.iter().all(|t| t.dims() == tensors[0].dims()), "adamw: all tensors must have one shape");
    assert_eq!(factor.dims(), [1], "adamw: one factor");
    assert!(settings.step > 0, "adamw: steps count from 1");
    let [parameter, gradient, mean, variance] = tensors.map(|tensor| tensor.inner().into_dispatch());
    let factor = factor.inner().into_dispatch();
    let (parameter, mean, variance) =
        Dispatch::adamw(parameter, gradient, mean, variance, factor, Step::new(settings));
    (Tensor::from_dispatch(parameter), Tensor::from_dispatch(mean), Tensor::from_dispatch(variance))
}

/// The settings as the inner loop wants them, computed in f64.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    mean_share: f32,
    beta2: f32,
    variance_share: f32,
    epsilon: f32,
    kept: f32,
    rate: f32,
    root: f32,
}

impl Step {
    fn new(AdamW { rate, beta1, beta2, epsilon, weight_decay, step }: AdamW) -> Self {
        let bias = |beta: f64| 1.0 - beta.powf(f64::from(step));
        Self {
            mean_share: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            variance_share: (1.0 - beta2) as f32,
            epsilon: epsilon as f32,
            kept: (1.0 - rate * weight_decay) as f32,
            rate: (rate / bias(beta1)) as f32,
            root: bias(beta2).sqrt() as f32,
        }
    }

    fn apply(&self, parameter: &mut f32, gradient: f32, mean: &mut f32, variance: &mut f32) {
        *mean += self.mean_share * (gradient - *mean);
        *variance = *variance * self.beta2 + self.variance_share * gradient * gradient;
        let root = variance.sqrt() / self.root + self.epsilon;
        *parameter = *parameter * self.kept - self.rate * *mean / root;
    }
}

/// The operation that [`Dispatch`] routes to a device.
#[backend_extension(Cube, Flex)]
pub(crate) trait AdamWOps: Backend {
    fn adamw(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        factor: FloatTensor<Self>,
        step: Step,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl AdamWOps for CubeBackend {
    fn adamw(
        parameter: CubeTensor,
        gradient: CubeTensor,
        mean: CubeTensor,
        variance: CubeTensor,
        factor: CubeTensor,
        step: Step,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let [gradient, factor] = [gradient, factor].map(into_contiguous);
        let [parameter, mean, variance] = [parameter, mean, variance].map(wgsl::owned);
        let kernel = Kernel::new(&SHADER, "forward", LANES)
            .with("MEAN_SHARE", step.mean_share)
            .with("BETA2", step.beta2)
            .with("VARIANCE_SHARE", step.variance_share)
            .with("EPSILON", step.epsilon);
        let count = parameter.shape().num_elements() as u32;
        let info = [count, step.kept.to_bits(), step.rate.to_bits(), step.root.to_bits()];
        let outputs = [&parameter, &mean, &variance];
        kernel.launch(&[&gradient, &factor], &outputs, info, count.div_ceil(LANES));
        (parameter, mean, variance)
    }
}

impl AdamWOps for Flex {
    fn adamw(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        factor: FloatTensor<Self>,
        step: Step,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [gradient, factor] = [gradient, factor].map(|tensor| tensor.to_contiguous());
        let factor = numbers(&factor)[0];
        if !factor.is_finite() {
            return (parameter, mean, variance);
        }
        let [mut parameter, mut mean, mut variance] = [parameter, mean, variance].map(parallel::owned);
        let chunks = parameter.storage_mut::<f32>().chunks_mut(CHUNK);
        let chunks = chunks.zip(numbers(&gradient).chunks(CHUNK));
        let moments = mean.storage_mut::<f32>().chunks_mut(CHUNK);
        let moments = moments.zip(variance.storage_mut::<f32>().chunks_mut(CHUNK));
        for_each(chunks.zip(moments).collect(), |((parameters, gradients), (means, variances))| {
            let numbers = parameters.iter_mut().zip(gradients).zip(means.iter_mut().zip(variances));
            numbers.for_each(|((p, g), (m, v))| step.apply(p, g * factor, m, v));
        });
        (parameter, mean, variance)
    }
}
