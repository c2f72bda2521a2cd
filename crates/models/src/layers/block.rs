//! A decoder's block: attention and a feed-forward block, each beside the residual stream.

use crate::batch::Batch;
use crate::cache::LayerCache;
use crate::config::Config;
use crate::layers::{Attention, FeedForward, Linear, Norm};
use crate::peft::{Adapter, Sublayer};
use smolder_kernels::burn::tensor::Tensor;

#[derive(Debug)]
pub(crate) struct Block {
    pub attention_norm: Norm,
    pub attention: Attention,
    pub attention_post_norm: Option<Norm>,
    pub feed_forward_norm: Norm,
    pub feed_forward: FeedForward,
    pub feed_forward_post_norm: Option<Norm>,
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
        let normed = |x: Tensor<2>, norm: Option<&Norm>| match norm {
            Some(norm) => norm.forward(x, adapter),
            None => x,
        };
        let layer = self.attention.output.place.layer;
        let x = self.attention_norm.forward(h.clone(), adapter);
        let y = self.attention.forward(&x, batch, config, cache, adapter);
        let y = normed(y, self.attention_post_norm.as_ref());
        let y = adapter.sublayer(Sublayer::Attention(layer), &x, y);
        let (h, x) = self.feed_forward_norm.forward_sum(y, h, adapter);
        let y = self.feed_forward.forward(&x, config, adapter);
        let y = normed(y, self.feed_forward_post_norm.as_ref());
        h + adapter.sublayer(Sublayer::FeedForward(layer), &x, y)
    }

    /// Its linear layers.
    pub fn linears(&self) -> impl Iterator<Item = &Linear> {
        let attention = self.attention.inputs.each().iter().chain([&self.attention.output]);
        attention.chain(self.feed_forward.inputs.each()).chain([&self.feed_forward.output])
    }

    /// Its norms.
    pub fn norms(&self) -> impl Iterator<Item = &Norm> {
        let attention = [&self.attention.q_norm, &self.attention.k_norm, &self.attention_post_norm];
        let attention = [&self.attention_norm].into_iter().chain(attention.into_iter().flatten());
        attention.chain([&self.feed_forward_norm]).chain(&self.feed_forward_post_norm)
    }
}
