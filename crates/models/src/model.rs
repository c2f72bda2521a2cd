//! A decoder-only transformer on frozen weights.

use crate::batch::Batch;
use crate::cache::Cache;
use crate::config::Config;
use crate::layers::Block;
use crate::peft::Adapter;
use smolder_kernels::burn::tensor::{Device, Tensor};
use smolder_kernels::{Matrix, rms_norm};

/// A model on its device. Sampling and training use the same one; adapters come with each call.
#[derive(Debug)]
pub struct Model {
    pub(crate) config: Config,
    pub(crate) device: Device,
    pub(crate) embedding: Matrix,
    pub(crate) blocks: Vec<Block>,
    pub(crate) norm: Tensor<1>,
    /// `None` where the embedding serves as head.
    pub(crate) head: Option<Matrix>,
}

impl Model {
    /// What the model is.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where it is.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Tokens that it knows.
    pub fn vocabulary(&self) -> usize {
        self.embedding.rows()
    }

    /// The distinct windows of its layers, which a [`Batch`] needs.
    pub fn windows(&self) -> Vec<Option<usize>> {
        let mut windows: Vec<_> = self.config.layers.iter().map(|layer| layer.window).collect();
        windows.sort_unstable();
        windows.dedup();
        windows
    }

    /// The residual stream behind the last block, `[tokens, width]`.
    ///
    /// With a `cache`, earlier tokens are read from it and the batch's join it.
    pub fn hidden(&self, batch: &Batch, mut cache: Option<&mut Cache>, adapter: &dyn Adapter) -> Tensor<2> {
        let h = self.embed(batch);
        (0..self.blocks.len()).fold(h, |h, layer| self.block(layer, h, batch, cache.as_deref_mut(), adapter))
    }

    /// The tokens' embeddings, `[tokens, width]`.
    pub fn embed(&self, batch: &Batch) -> Tensor<2> {
        let h = self.embedding.rows_of(batch.ids());
        let scale = self.config.embedding_scale;
        if scale == 1.0 { h } else { h * scale }
    }

    /// One block of the residual stream's way, `[tokens, width]` to the same.
    pub fn block(
        &self,
        layer: usize,
        h: Tensor<2>,
        batch: &Batch,
        cache: Option<&mut Cache>,
        adapter: &dyn Adapter,
    ) -> Tensor<2> {
        let cache = cache.map(|cache| &mut cache.layers[layer]);
        self.blocks[layer].forward(h, batch, &self.config, cache, adapter)
    }

    /// Logits `[rows, vocabulary]` of rows of the residual stream.
    pub fn logits(&self, h: Tensor<2>) -> Tensor<2> {
        let h = rms_norm(h, self.norm.clone(), self.config.sizes.norm_eps as f32);
        let logits = self.head.as_ref().unwrap_or(&self.embedding).matmul(h);
        match self.config.logit_cap {
            Some(cap) => (logits / cap).tanh() * cap,
            None => logits,
        }
    }
}
