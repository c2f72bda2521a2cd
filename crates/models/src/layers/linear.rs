//! Frozen linear layers, where adapters hook in.

use crate::peft::Adapter;
use smolder_formats::names::Place;
use smolder_kernels::Matrix;
use smolder_kernels::burn::tensor::Tensor;

/// `y = x·Wᵀ + b`, as an adapter changes it.
#[derive(Debug)]
pub(crate) struct Linear {
    pub place: Place,
    pub weight: Matrix,
    pub bias: Option<Tensor<1>>,
}

impl Linear {
    pub fn forward(&self, x: Tensor<2>, adapter: &dyn Adapter) -> Tensor<2> {
        let y = self.weight.matmul(x.clone());
        let y = match &self.bias {
            Some(bias) => y + bias.clone().unsqueeze(),
            None => y,
        };
        adapter.linear(self.place, x, y)
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
}
