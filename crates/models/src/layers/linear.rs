//! Frozen linear layers, where adapters hook in.

use crate::peft::Adapter;
use smolder_formats::names::Place;
use smolder_kernels::Matrix;
use smolder_kernels::burn::tensor::Tensor;

/// A frozen linear layer.
#[derive(Debug)]
pub struct Linear {
    pub(crate) place: Place,
    pub(crate) weight: Matrix,
    pub(crate) bias: Option<Tensor<1>>,
}

impl Linear {
    /// Which one it is.
    pub fn place(&self) -> Place {
        self.place
    }

    /// `y = x·Wᵀ + b`, as it is without an adapter: `[tokens, in]` to `[tokens, out]`.
    pub fn frozen(&self, x: Tensor<2>) -> Tensor<2> {
        self.biased(self.weight.matmul(x))
    }

    /// `y + b`
    pub(crate) fn biased(&self, y: Tensor<2>) -> Tensor<2> {
        match &self.bias {
            Some(bias) => y + bias.clone().unsqueeze(),
            None => y,
        }
    }

    /// As an adapter changes it.
    pub(crate) fn forward(&self, x: Tensor<2>, adapter: &dyn Adapter) -> Tensor<2> {
        adapter.linear(self, x)
    }
}

/// Linear layers of one input, which some families store as one matrix.
#[allow(clippy::large_enum_variant, reason = "a few dozen in a model, and never moved")]
#[derive(Debug)]
pub(crate) enum Inputs<const N: usize> {
    Separate([Linear; N]),
    Fused(Linear),
}

impl<const N: usize> Inputs<N> {
    /// The results, `widths` wide.
    pub fn forward(&self, x: &Tensor<2>, widths: [usize; N], adapter: &dyn Adapter) -> [Tensor<2>; N] {
        match self {
            Self::Separate(each) => each.each_ref().map(|linear| linear.forward(x.clone(), adapter)),
            Self::Fused(linear) => {
                let y = linear.forward(x.clone(), adapter);
                let mut start = 0;
                widths.map(|width| {
                    start += width;
                    y.clone().narrow(1, start - width, width)
                })
            }
        }
    }
    /// The layers, one where they are fused.
    pub fn each(&self) -> &[Linear] {
        match self {
            Self::Separate(each) => each,
            Self::Fused(linear) => std::slice::from_ref(linear),
        }
    }
}
