//! LoRA's change of a linear layer: `z = y + s·(x·Aᵀ)·Bᵀ` (Hu et al. 2021, arXiv 2106.09685).

use crate::wgsl::{Kernel, Shader, empty_like, lanes, owned, shared_width};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Tensor};
use burn_wgpu::{CubeBackend, CubeTensor, into_contiguous};

pub(crate) const SHADER: Shader = Shader { name: "lora", source: include_str!("../../../shaders/lora.wgsl") };

/// For devices that [`shared_width`] is of.
pub(crate) const SHARED_SHADER: Shader = Shader {
    name: "lora_shared",
    source: concat!(
        include_str!("../../../shaders/lora.wgsl"),
        include_str!("../../../shaders/lora_shared.wgsl")
    ),
};

/// `z = y + s·(x·Aᵀ)·Bᵀ`, differentiable in `x`, `a`, `b` and `y`; of the backward only `x·Aᵀ` is kept beside `x`.
///
/// `∂y = ∂z`, and with `u = s·x·Aᵀ` and `g = s·∂z·B`: `∂B = ∂zᵀ·u`, `∂A = gᵀ·x`, `∂x = g·A`.
///
/// # Shapes
/// - `x`: `[rows, in]`, f32
/// - `a`: `[rank, in]`, `b`: `[out, rank]`, f32
/// - `y`, result: `[rows, out]`, f32
///
/// # Panics
/// When the shapes do not fit: models check those of an adapter when they load it.
pub fn lora(x: Tensor<2>, a: Tensor<2>, b: Tensor<2>, y: Tensor<2>, scale: f32) -> Tensor<2> {
    let ([rows, inputs], [outputs, rank]) = (x.dims(), b.dims());
    assert_eq!(a.dims(), [rank, inputs], "lora: A must be [rank, in]");
    assert_eq!(y.dims(), [rows, outputs], "lora: y must be [rows, out]");
    if rows == 0 || rank == 0 {
        return y;
    }
    let [x, a, b, y] = [x, a, b, y].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::lora(x, a, b, y, scale))
}

/// The operation that [`Dispatch`] routes to a device.
#[backend_extension(Autodiff, Cube, Flex)]
pub(crate) trait LoraOps: Backend {
    fn lora(
        x: FloatTensor<Self>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        y: FloatTensor<Self>,
        scale: f32,
    ) -> FloatTensor<Self>;
}

/// The products of one device.
pub(crate) trait LowRank: Backend {
    /// `u = s·x·Aᵀ`
    fn down(x: FloatTensor<Self>, a: FloatTensor<Self>, scale: f32) -> FloatTensor<Self>;

    /// `z = y + u·Bᵀ`
    fn up(u: FloatTensor<Self>, b: FloatTensor<Self>, y: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `g = s·∂z·B`
    fn backward_up(grad: FloatTensor<Self>, b: FloatTensor<Self>, scale: f32) -> FloatTensor<Self>;

    /// `∂B = ∂zᵀ·u`
    fn backward_b(grad: FloatTensor<Self>, u: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `∂A = gᵀ·x`
    fn backward_a(g: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `∂x = g·A`
    fn backward_x(g: FloatTensor<Self>, a: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl LowRank for CubeBackend {
    fn down(x: CubeTensor, a: CubeTensor, scale: f32) -> CubeTensor {
        let ([rows, inputs], rank) = (dims(&x), a.shape()[0]);
        let strides = [inputs, 1, inputs, 1, rank, 1];
        let u = empty_like(&x, Shape::new([rows, rank]));
        Product { sizes: [rows, rank, inputs], strides }.narrow(x, a, u, scale)
    }

    fn up(u: CubeTensor, b: CubeTensor, y: CubeTensor) -> CubeTensor {
        let ([rows, outputs], rank) = (dims(&y), b.shape()[1]);
        let strides = [rank, 1, rank, 1, outputs, 1];
        Product { sizes: [rows, outputs, rank], strides }.wide(u, b, owned(y), true)
    }

    fn backward_up(grad: CubeTensor, b: CubeTensor, scale: f32) -> CubeTensor {
        let ([rows, outputs], rank) = (dims(&grad), b.shape()[1]);
        let strides = [outputs, 1, 1, rank, rank, 1];
        let g = empty_like(&grad, Shape::new([rows, rank]));
        Product { sizes: [rows, rank, outputs], strides }.narrow(grad, b, g, scale)
    }

    fn backward_b(grad: CubeTensor, u: CubeTensor) -> CubeTensor {
        let ([rows, outputs], rank) = (dims(&grad), u.shape()[1]);
        let strides = [1, outputs, 1, rank, rank, 1];
        let grad_b = empty_like(&grad, Shape::new([outputs, rank]));
        Product { sizes: [outputs, rank, rows], strides }.narrow(grad, u, grad_b, 1.0)
    }

    fn backward_a(g: CubeTensor, x: CubeTensor) -> CubeTensor {
        let ([rows, inputs], rank) = (dims(&x), g.shape()[1]);
        let strides = [1, inputs, 1, rank, 1, inputs];
        let grad_a = empty_like(&x, Shape::new([rank, inputs]));
        Product { sizes: [inputs, rank, rows], strides }.narrow(x, g, grad_a, 1.0)
    }

    fn backward_x(g: CubeTensor, a: CubeTensor) -> CubeTensor {
        let ([rows, rank], inputs) = (dims(&g), a.shape()[1]);
        let strides = [rank, 1, 1, inputs, inputs, 1];
        let grad_x = empty_like(&g, Shape::new([rows, inputs]));
        Product { sizes: [rows, inputs, rank], strides }.wide(g, a, grad_x, false)
    }
}

fn dims(tensor: &CubeTensor) -> [usize; 2] {
    [tensor.shape()[0], tensor.shape()[1]]
}

/// `y[i, j] = Σ_k x[i, k]·m[j, k]`: I, J, K, and how the three lie.
#[derive(Clone, Copy)]
struct Product {
    sizes: [usize; 3],
    /// Of x along i and k, of m along j and k, of y along i and j.
    strides: [usize; 6],
}

impl Product {
    /// Few j: s times the sum, in a new tensor.
    fn narrow(self, x: CubeTensor, m: CubeTensor, y: CubeTensor, scale: f32) -> CubeTensor {
        let [rows, cols, _] = self.sizes;
        if let Some(width) = shared_width(&y) {
            let kernel = shared("narrow_shared", width, 16);
            return self.launch(kernel, [x, m], y, scale, rows.div_ceil(16) * cols.div_ceil(width as usize));
        }
        let kernel = Kernel::new(&SHADER, "narrow", lanes(&y));
        self.launch(kernel, [x, m], y, scale, rows.div_ceil(4) * cols.div_ceil(8))
    }

    /// Few k: the sum in place of what `y` holds, or added to it.
    fn wide(self, x: CubeTensor, m: CubeTensor, y: CubeTensor, add: bool) -> CubeTensor {
        let ([rows, cols, _], lanes) = (self.sizes, lanes(&y));
        if let Some(width) = shared_width(&y) {
            let kernel = shared("wide_shared", width, 8).with("ADD", u32::from(add));
            return self.launch(kernel, [x, m], y, 1.0, rows.div_ceil(8) * cols.div_ceil(8 * width as usize));
        }
        let kernel = Kernel::new(&SHADER, "wide", lanes).with("ADD", u32::from(add));
        self.launch(kernel, [x, m], y, 1.0, rows.div_ceil(4) * cols.div_ceil(8 * lanes as usize))
    }

    fn launch(
        self,
        kernel: Kernel,
        inputs: [CubeTensor; 2],
        y: CubeTensor,
        scale: f32,
        workgroups: usize,
    ) -> CubeTensor {
        let [i, j, k] = self.sizes.map(|size| size as u32);
        let [xi, xk, mj, mk, yi, yj] = self.strides.map(|stride| stride as u32);
        let info = [i, j, k, scale.to_bits(), xi, xk, mj, mk, yi, yj, 0, 0];
        let [x, m] = inputs.map(into_contiguous);
        kernel.launch(&[&x, &m], &[&y], info, workgroups as u32);
        y
    }
}

/// An entry whose invocations take so many rows each.
fn shared(entry: &'static str, width: u32, rows: u32) -> Kernel {
    Kernel::new(&SHARED_SHADER, entry, width).with("ROWS", rows)
}

impl LoraOps for Flex {
    fn lora(
        x: FloatTensor<Self>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        y: FloatTensor<Self>,
        scale: f32,
    ) -> FloatTensor<Self> {
        Self::up(Self::down(x, a, scale), b, y)
    }
}

impl LoraOps for CubeBackend {
    fn lora(x: CubeTensor, a: CubeTensor, b: CubeTensor, y: CubeTensor, scale: f32) -> CubeTensor {
        Self::up(Self::down(x, a, scale), b, y)
    }
}

impl<B: LowRank, C: CheckpointStrategy> LoraOps for Autodiff<B, C> {
    fn lora(
        x: FloatTensor<Self>,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        y: FloatTensor<Self>,
        scale: f32,
    ) -> FloatTensor<Self> {
        let ((x, x_node), (a, a_node)) = (x.into_parts(), a.into_parts());
        let ((b, b_node), (y, y_node)) = (b.into_parts(), y.into_parts());
        let u = B::down(x.clone(), a.clone(), scale);
        let z = B::up(u.clone(), b.clone(), y);
        match LoraBackward.prepare::<C>([x_node, a_node, b_node, y_node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, a, b, u, scale), z),
            OpsKind::UnTracked(prep) => prep.finish(z),
        }
    }
}

#[derive(Debug)]
struct LoraBackward;

impl<B: LowRank> Backward<B, 4> for LoraBackward {
    /// `x`, `A`, `B`, `u`, `s`
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, f32);

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, a_node, b_node, y_node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (x, a, b, u, scale) = ops.state;
        if let Some(node) = b_node {
            grads.register::<B>(node.id, B::backward_b(grad.clone(), u));
        }
        if x_node.is_some() || a_node.is_some() {
            let g = B::backward_up(grad.clone(), b, scale);
            if let Some(node) = a_node {
                grads.register::<B>(node.id, B::backward_a(g.clone(), x));
            }
            if let Some(node) = x_node {
                grads.register::<B>(node.id, B::backward_x(g, a));
            }
        }
        if let Some(node) = y_node {
            grads.register::<B>(node.id, grad);
        }
    }
}
