//! The gated feed-forward block: `W_down·(act(W_gate·x) ⊙ W_up·x)` (Shazeer 2020, arXiv 2002.05202).

use crate::config::Config;
use crate::layers::{Inputs, Linear};
use crate::peft::Adapter;
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::gated_unit;

#[derive(Debug)]
pub(crate) struct FeedForward {
    /// Gate and way in.
    pub inputs: Inputs<2>,
    pub output: Linear,
}

impl FeedForward {
    pub fn forward(&self, x: &Tensor<2>, config: &Config, adapter: &dyn Adapter) -> Tensor<2> {
        let width = config.sizes.feed_forward as usize;
        let [gate, up] = self.inputs.forward(x, [width; 2], adapter);
        self.output.forward(gated_unit(gate, up, config.activation), adapter)
    }
}
