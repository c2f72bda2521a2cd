//! RMS norms with a frozen weight (Zhang & Sennrich 2019, arXiv 1910.07467), where adapters hook in.

use crate::peft::Adapter;
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::{add_rms_norm, rms_norm};

/// `w ⊙ x/√(mean(x²) + ε)`
#[derive(Debug)]
pub struct Norm {
    /// Hugging Face's name of the module: `model.layers.3.input_layernorm`.
    pub(crate) path: String,
    /// `[width]`, what x is multiplied with.
    pub(crate) weight: Tensor<1>,
    /// What Hugging Face's files, and adapters, leave out of the weight.
    pub(crate) stored_less: f32,
    pub(crate) eps: f32,
}

impl Norm {
    fn weight(&self, adapter: &dyn Adapter) -> Tensor<1> {
        adapter.norm(self).unwrap_or_else(|| self.weight.clone())
    }

    pub(crate) fn forward<const D: usize>(&self, x: Tensor<D>, adapter: &dyn Adapter) -> Tensor<D> {
        rms_norm(x, self.weight(adapter), self.eps)
    }

    /// The sum, and the sum normalised.
    pub(crate) fn forward_sum(
        &self,
        x: Tensor<2>,
        residual: Tensor<2>,
        adapter: &dyn Adapter,
    ) -> (Tensor<2>, Tensor<2>) {
        add_rms_norm(x, residual, self.weight(adapter), self.eps)
    }
}
