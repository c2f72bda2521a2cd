//! Gated units `act(gate) · up`: SwiGLU and GeGLU (Shazeer 2020, arXiv 2002.05202).

use crate::wgsl::{Kernel, Shader, empty_like};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;
use burn_wgpu::{CubeBackend, CubeTensor, into_contiguous};
use std::f32::consts::{FRAC_2_SQRT_PI, SQRT_2};

pub(crate) const SHADER: Shader =
    Shader { name: "gated_unit", source: include_str!("../../../shaders/gated_unit.wgsl") };

const LANES: u32 = 64;

/// `√(8/π)`: twice the factor inside GELU's tanh.
pub(crate) const GELU_SLOPE: f32 = FRAC_2_SQRT_PI * SQRT_2;
pub(crate) const GELU_CUBE: f32 = 0.044_715;

/// What the gate passes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// `g · σ(g)`
    Silu,
    /// `g/2 · (1 + tanh(√(2/π) · (g + 0.044715·g³)))`, transformers' `gelu_pytorch_tanh`.
    GeluTanh,
}

/// `y = act(gate) · up`, differentiable in both.
///
/// # Shapes
/// - `gate`, `up`, result: `[tokens, width]`, f32
///
/// # Panics
/// When the two shapes differ.
pub fn gated_unit(gate: Tensor<2>, up: Tensor<2>, activation: Gate) -> Tensor<2> {
    assert_eq!(gate.dims(), up.dims(), "gated_unit: gate and up must have one shape");
    Tensor::from_dispatch(Dispatch::gated_unit(gate.into_dispatch(), up.into_dispatch(), activation))
}

/// The operation that [`Dispatch`] routes to a device.
#[backend_extension(Autodiff, Cube, Flex)]
pub(crate) trait GatedUnitOps: Backend {
    fn gated_unit(gate: FloatTensor<Self>, up: FloatTensor<Self>, activation: Gate) -> FloatTensor<Self>;
}

/// Forward and backward of one device.
pub(crate) trait GatedUnit: Backend {
    /// `y = g·σ(h(g))·up`
    fn forward(gate: FloatTensor<Self>, up: FloatTensor<Self>, activation: Gate) -> FloatTensor<Self>;

    /// `∂gate = d·up·(σ + g·σ·(1 − σ)·h')` and `∂up = d·g·σ`
    fn backward(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        activation: Gate,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

impl GatedUnit for CubeBackend {
    fn forward(gate: CubeTensor, up: CubeTensor, activation: Gate) -> CubeTensor {
        let (gate, up) = (into_contiguous(gate), into_contiguous(up));
        let y = empty_like(&gate, gate.shape());
        launch("forward", activation, &[&gate, &up], &[&y]);
        y
    }

    fn backward(
        gate: CubeTensor,
        up: CubeTensor,
        grad: CubeTensor,
        activation: Gate,
    ) -> (CubeTensor, CubeTensor) {
        let [gate, up, grad] = [gate, up, grad].map(into_contiguous);
        let (grad_gate, grad_up) = (empty_like(&gate, gate.shape()), empty_like(&gate, gate.shape()));
        launch("backward", activation, &[&gate, &up, &grad], &[&grad_gate, &grad_up]);
        (grad_gate, grad_up)
    }
}

fn launch(entry: &'static str, activation: Gate, inputs: &[&CubeTensor], outputs: &[&CubeTensor]) {
    let count = inputs[0].shape().num_elements() as u32;
    let kernel = Kernel::new(&SHADER, entry, LANES).with("GELU", u32::from(activation == Gate::GeluTanh));
    kernel.launch(inputs, outputs, [count, 0, 0, 0], count.div_ceil(LANES));
}

impl GatedUnitOps for Flex {
    fn gated_unit(gate: FloatTensor<Self>, up: FloatTensor<Self>, activation: Gate) -> FloatTensor<Self> {
        <Self as GatedUnit>::forward(gate, up, activation)
    }
}

impl GatedUnitOps for CubeBackend {
    fn gated_unit(gate: CubeTensor, up: CubeTensor, activation: Gate) -> CubeTensor {
        <Self as GatedUnit>::forward(gate, up, activation)
    }
}

impl<B: GatedUnit, C: CheckpointStrategy> GatedUnitOps for Autodiff<B, C> {
    fn gated_unit(gate: FloatTensor<Self>, up: FloatTensor<Self>, activation: Gate) -> FloatTensor<Self> {
        let ((gate, gate_node), (up, up_node)) = (gate.into_parts(), up.into_parts());
        let y = B::forward(gate.clone(), up.clone(), activation);
        match GatedUnitBackward.prepare::<C>([gate_node, up_node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((gate, up, activation), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}

#[derive(Debug)]
struct GatedUnitBackward;

impl<B: GatedUnit> Backward<B, 2> for GatedUnitBackward {
    type State = (FloatTensor<B>, FloatTensor<B>, Gate);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [gate_node, up_node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (gate, up, activation) = ops.state;
        let (grad_gate, grad_up) = B::backward(gate, up, grad, activation);
        if let Some(node) = gate_node {
            grads.register::<B>(node.id, grad_gate);
        }
        if let Some(node) = up_node {
            grads.register::<B>(node.id, grad_up);
        }
    }
}
