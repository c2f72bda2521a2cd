//! A decoder-only transformer on frozen weights.

use crate::batch::{Batch, Lead, Span};
use crate::cache::Cache;
use crate::config::Config;
use crate::layers::{Block, Linear, Norm};
use crate::peft::Adapter;
use smolder_formats::names::Place;
use smolder_kernels::Matrix;
use smolder_kernels::burn::tensor::{Device, Int, Tensor};

/// A model on its device. Sampling and training use the same one; adapters come with each call.
#[derive(Debug)]
pub struct Model {
    pub(crate) config: Config,
    pub(crate) device: Device,
    pub(crate) embedding: Matrix,
    pub(crate) blocks: Vec<Block>,
    pub(crate) norm: Norm,
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

    /// Whole sequences, each of which sees itself alone.
    pub fn batch(&self, sequences: &[&[u32]], adapter: &dyn Adapter) -> Batch {
        let (mut row, lead) = (0, adapter.lead_len());
        let span = |ids: &&[u32]| {
            row += lead + ids.len();
            Span { ids: ids.to_vec(), position: 0, row: row - lead - ids.len() }
        };
        self.batch_of(&sequences.iter().map(span).collect::<Vec<_>>(), adapter)
    }

    /// Spans of sequences whose earlier tokens a [`Cache`] holds.
    pub fn batch_of(&self, spans: &[Span], adapter: &dyn Adapter) -> Batch {
        let mut windows: Vec<_> = self.config.layers.iter().map(|layer| layer.window).collect();
        windows.sort_unstable();
        windows.dedup();
        let lead = Lead { prefix: adapter.prefix_len(), prompt: adapter.prompt_len() };
        Batch::new(spans, lead, &windows, &self.device)
    }

    /// The residual stream behind the last block, `[rows, width]`.
    ///
    /// With a `cache`, earlier tokens are read from it and the batch's join it.
    pub fn hidden(&self, batch: &Batch, mut cache: Option<&mut Cache>, adapter: &dyn Adapter) -> Tensor<2> {
        let h = self.embed(batch, adapter);
        (0..self.blocks.len()).fold(h, |h, layer| self.block(layer, h, batch, cache.as_deref_mut(), adapter))
    }

    /// The residual stream before the first block, `[rows, width]`: the tokens' embeddings, and before those of each
    /// sequence the adapter's prompt.
    pub fn embed(&self, batch: &Batch, adapter: &dyn Adapter) -> Tensor<2> {
        let tokens = self.embedding.rows_of(batch.ids());
        let tokens = match adapter.embedding(batch.ids()) {
            Some(change) => tokens + change,
            None => tokens,
        };
        let scale = self.config.embedding_scale;
        let tokens = match scale {
            Some(scale) => tokens * scale,
            None => tokens,
        };
        let Some(prompt) = adapter.prompt() else { return tokens };
        let (mut pieces, mut done) = (Vec::new(), 0);
        for run in batch.runs() {
            if run.prompt > 0 {
                pieces.push(prompt.clone());
            }
            pieces.push(tokens.clone().narrow(0, done, run.tokens));
            done += run.tokens;
        }
        Tensor::cat(pieces, 0)
    }

    /// Embeddings of tokens as the embedding holds them, `[ids, width]`.
    pub fn embeddings(&self, ids: &Tensor<1, Int>) -> Tensor<2> {
        self.embedding.rows_of(ids)
    }

    /// One block of the residual stream's way, `[rows, width]` to the same.
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

    /// The last norm, before the head.
    pub fn last_norm(&self, h: Tensor<2>, adapter: &dyn Adapter) -> Tensor<2> {
        self.norm.forward(h, adapter)
    }

    /// A linear layer of a block.
    pub(crate) fn linear(&self, place: Place) -> Option<&Linear> {
        self.blocks.get(place.layer as usize)?.linears().find(|linear| linear.place == place)
    }

    /// All norms in order, the last one behind the blocks.
    pub(crate) fn norms(&self) -> impl Iterator<Item = &Norm> {
        self.blocks.iter().flat_map(Block::norms).chain([&self.norm])
    }

    /// The matrix that makes logits of normalised rows.
    pub fn head(&self) -> &Matrix {
        self.head.as_ref().unwrap_or(&self.embedding)
    }

    /// Logits `[rows, vocabulary]` of rows of the residual stream.
    pub fn logits(&self, h: Tensor<2>, adapter: &dyn Adapter) -> Tensor<2> {
        let x = self.last_norm(h, adapter);
        let logits = match adapter.head(&x, 0) {
            Some(change) => self.head().matmul(x) + change,
            None => self.head().matmul(x),
        };
        match self.config.logit_cap {
            Some(cap) => (logits / cap).tanh() * cap,
            None => logits,
        }
    }
}
