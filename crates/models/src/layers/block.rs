//! A decoder's block: attention and a feed-forward block, each beside the residual stream.

use crate::batch::Batch;
use crate::cache::LayerCache;
use crate::config::Config;
use crate::layers::{Attention, FeedForward};
use crate::peft::Adapter;
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::{add_rms_norm, rms_norm};

#[derive(Debug)]
pub(crate) struct Block {
    pub attention_norm: Tensor<1>,
    pub attention: Attention,
    pub attention_post_norm: Option<Tensor<1>>,
    pub feed_forward_norm: Tensor<1>,
    pub feed_forward: FeedForward,
    pub feed_forward_post_norm: Option<Tensor<1>>,
}

impl Block {
    /// `[tokens, width]` to the same.
    pub fn forward(
        &self,
        h: Tensor<2>,
        batch: &Batch,
        config: &Config,
        cache: Option<&mut LayerCache>,
        adapter: &dyn Adapter,
    ) -> Tensor<2> {
        let eps = config.sizes.norm_eps as f32;
        let normed = |x: Tensor<2>, weight: Option<&Tensor<1>>| match weight {
            Some(weight) => rms_norm(x, weight.clone(), eps),
            None => x,
        };
        let x = rms_norm(h.clone(), self.attention_norm.clone(), eps);
        let x = self.attention.forward(&x, batch, config, cache, adapter);
        let x = normed(x, self.attention_post_norm.as_ref());
        let (h, x) = add_rms_norm(x, h, self.feed_forward_norm.clone(), eps);
        let x = self.feed_forward.forward(&x, config, adapter);
        h + normed(x, self.feed_forward_post_norm.as_ref())
    }
}
