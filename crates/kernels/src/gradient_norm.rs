//! The norm of a gradient that lies in many tensors, and clipping by it (Pascanu et al. 2013, arXiv 1211.5063).

use crate::parallel::{for_each, numbers};
use crate::wgsl::{Kernel, Shader, empty_like, lanes};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Backend, BackendTensor, Dispatch, DispatchAutodiffContext, DispatchTensor, DispatchTensorKind,
    ExtensionType, Flex, TensorMetadata, backend_extension,
};
use burn::tensor::{FloatDType, Shape, Tensor, TensorData};
use burn_wgpu::{CubeBackend, CubeTensor, into_contiguous};

pub(crate) const SHADER: Shader =
    Shader { name: "gradient_norm", source: include_str!("../../../shaders/gradient_norm.wgsl") };

/// Sums that a GPU computes side by side.
const SUMS: usize = 256;
/// Tensors of a launch: all of WebGPU's storage buffers but that of the sums.
const GROUP: usize = 7;
/// Invocations of the one workgroup that adds up the sums.
const LANES: u32 = 64;
/// Numbers that a processor core takes at once.
const CHUNK: usize = 1 << 14;

/// Numbers, as many as the device likes, that add up to the sum of all squares in `tensors`.
///
/// The same to the bit whenever a device computes them again. On a GPU one launch for each seven tensors.
///
/// # Panics
/// When there are no tensors.
pub fn sum_of_squares(tensors: &[Tensor<2>]) -> Tensor<1> {
    assert!(!tensors.is_empty(), "sum_of_squares: no tensors");
    let tensors = tensors.iter().map(|tensor| tensor.clone().inner().into_dispatch()).collect();
    Tensor::from_dispatch(Dispatch::sum_of_squares(Tensors(tensors)))
}

/// Stands for an infinite norm: browsers refuse a shader that spells out the largest f32.
const LARGEST: f32 = 3e38;

/// `norm = √Σ squares` and `factor = min(max_norm / (norm + 1e-6), 1)`, as torch's `clip_grad_norm_`, both `[1]`.
///
/// An infinite `max_norm` measures without clipping. Where the squares do not add up to a finite number the factor is
/// NaN, with which [`adamw`](crate::adamw) changes nothing.
pub fn clip_factor(squares: Tensor<1>, max_norm: f32) -> (Tensor<1>, Tensor<1>) {
    let (norm, factor) = Dispatch::clip_factor(squares.inner().into_dispatch(), max_norm.min(LARGEST));
    (Tensor::from_dispatch(norm), Tensor::from_dispatch(factor))
}

/// Any number of tensors.
pub(crate) struct Tensors<B: Backend>(Vec<FloatTensor<B>>);

impl<B: Backend> ExtensionType<B> for Tensors<B> {
    type Target = Tensors<Dispatch>;

    fn map_to_dispatch<F>(self, map_kind: F, autodiff: DispatchAutodiffContext) -> Self::Target
    where
        F: Fn(BackendTensor<B>) -> DispatchTensorKind,
    {
        let wrap = |tensor| DispatchTensor { kind: map_kind(BackendTensor::Float(tensor)), autodiff };
        Tensors(self.0.into_iter().map(wrap).collect())
    }

    fn map_from_dispatch<F>(target: Self::Target, unwrap_kind: F) -> Self
    where
        F: Fn(DispatchTensor) -> BackendTensor<B>,
    {
        Self(target.0.into_iter().map(|tensor| unwrap_kind(tensor).float()).collect())
    }

    fn routing_tensor(target: &Self::Target) -> Option<&DispatchTensor> {
        target.0.first()
    }

    fn routing_float_tensor(target: &Self::Target) -> Option<&DispatchTensor> {
        target.0.first()
    }
}

/// The operations that [`Dispatch`] routes to a device.
#[backend_extension(Cube, Flex)]
pub(crate) trait GradientNormOps: Backend {
    fn sum_of_squares(#[extension_type] tensors: Tensors<Self>) -> FloatTensor<Self>;
    fn clip_factor(squares: FloatTensor<Self>, max_norm: f32) -> (FloatTensor<Self>, FloatTensor<Self>);
}

impl GradientNormOps for CubeBackend {
    fn sum_of_squares(tensors: Tensors<Self>) -> CubeTensor {
        let tensors: Vec<_> = tensors.0.into_iter().map(into_contiguous).collect();
        let sums = Self::float_zeros(Shape::new([SUMS]), &tensors[0].device, FloatDType::F32);
        for group in tensors.chunks(GROUP) {
            let inputs: [&CubeTensor; GROUP] = std::array::from_fn(|at| group.get(at).unwrap_or(&group[0]));
            let length = |at: usize| group.get(at).map_or(0, |tensor| tensor.shape().num_elements() as u32);
            let kernel = Kernel::new(&SHADER, "squares", lanes(&sums));
            kernel.launch(&inputs, &[&sums], std::array::from_fn::<u32, 8, _>(length), SUMS as u32);
        }
        sums
    }

    fn clip_factor(squares: CubeTensor, max_norm: f32) -> (CubeTensor, CubeTensor) {
        let squares = into_contiguous(squares);
        let [norm, factor] = std::array::from_fn(|_| empty_like(&squares, Shape::new([1])));
        let info = [squares.shape()[0] as u32, f32::NAN.to_bits(), 0, 0];
        let kernel = Kernel::new(&SHADER, "factor", LANES).with("MAX_NORM", max_norm);
        kernel.launch(&[&squares], &[&norm, &factor], info, 1);
        (norm, factor)
    }
}

impl GradientNormOps for Flex {
    fn sum_of_squares(tensors: Tensors<Self>) -> FloatTensor<Self> {
        let tensors: Vec<_> = tensors.0.into_iter().map(|tensor| tensor.to_contiguous()).collect();
        let chunks: Vec<_> = tensors.iter().flat_map(|tensor| numbers(tensor).chunks(CHUNK)).collect();
        let mut sums = vec![0.0; chunks.len()];
        for_each(chunks.into_iter().zip(&mut sums).collect(), |(chunk, sum)| {
            *sum = chunk.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
        });
        FloatTensor::<Self>::from_data(TensorData::new(vec![sums.iter().sum::<f64>() as f32], [1]))
    }

    fn clip_factor(squares: FloatTensor<Self>, max_norm: f32) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let squares = squares.to_contiguous();
        let total: f32 = numbers(&squares).iter().sum();
        let norm = total.sqrt();
        let factor = if norm.is_finite() { (max_norm / (norm + 1e-6)).min(1.0) } else { f32::NAN };
        let number = |value| FloatTensor::<Self>::from_data(TensorData::new(vec![value], [1]));
        (number(norm), number(factor))
    }
}
