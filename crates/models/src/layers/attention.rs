//! Grouped-query attention with rotary positions (Ainslie et al. 2023, arXiv 2305.13245).

use crate::batch::Batch;
use crate::cache::LayerCache;
use crate::config::Config;
use crate::layers::{Inputs, Linear};
use crate::peft::Adapter;
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::{Pairing, attention, rms_norm, rope};

#[derive(Debug)]
pub(crate) struct Attention {
    /// Queries, keys, values.
    pub inputs: Inputs<3>,
    pub output: Linear,
    pub q_norm: Option<Tensor<1>>,
    pub k_norm: Option<Tensor<1>>,
    /// Of the rotary embedding; `None` for a layer without positions.
    pub frequencies: Option<Tensor<1>>,
    pub window: Option<usize>,
}

impl Attention {
    /// With a `cache`, keys and values join it and the batch's ranges are rows of it.
    pub fn forward(
        &self,
        x: &Tensor<2>,
        batch: &Batch,
        config: &Config,
        cache: Option<&mut LayerCache>,
        adapter: &dyn Adapter,
    ) -> Tensor<2> {
        let (tokens, sizes) = (x.dims()[0], &config.sizes);
        let (heads, kv_heads, dim) = (sizes.heads as usize, sizes.kv_heads as usize, sizes.head_dim as usize);
        let [q, k, v] = self.inputs.forward(x, [heads * dim, kv_heads * dim, kv_heads * dim], adapter);
        let q = self.turn(q.reshape([tokens, heads, dim]), self.q_norm.as_ref(), batch, config);
        let k = self.turn(k.reshape([tokens, kv_heads, dim]), self.k_norm.as_ref(), batch, config);
        let v = v.reshape([tokens, kv_heads, dim]);
        let (k, v) = match cache {
            Some(cache) => cache.append(&k, &v, batch.runs()),
            None => (k, v),
        };
        let seen = batch.ranges(self.window);
        let y = attention(q, k, v, seen, config.attention_scale, config.attention_cap);
        self.output.forward(y.reshape([tokens, heads * dim]), adapter)
    }

    /// Each head normalised and turned by its position.
    fn turn(&self, x: Tensor<3>, norm: Option<&Tensor<1>>, batch: &Batch, config: &Config) -> Tensor<3> {
        let x = match norm {
            Some(weight) => rms_norm(x, weight.clone(), config.sizes.norm_eps as f32),
            None => x,
        };
        match &self.frequencies {
            Some(frequencies) => rope(x, batch.positions(), frequencies.clone(), Pairing::Halves, 1.0),
            None => x,
        }
    }
}
