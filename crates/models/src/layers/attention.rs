//! Grouped-query attention with rotary positions (Ainslie et al. 2023, arXiv 2305.13245).

use crate::batch::Batch;
use crate::cache::{LayerCache, some_heads};
use crate::config::Config;
use crate::layers::{Inputs, Linear, Norm};
use crate::peft::{Adapter, Adaption, Base};
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::{KeyRanges, Pairing, attention, rope};

#[derive(Debug)]
pub(crate) struct Attention {
    /// Queries, keys, values.
    pub inputs: Inputs<3>,
    pub output: Linear,
    pub q_norm: Option<Norm>,
    pub k_norm: Option<Norm>,
    /// Of the rotary embedding; `None` for a layer without positions.
    pub frequencies: Option<Tensor<1>>,
    /// What turned queries and keys are multiplied with.
    pub amplitude: f32,
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
        let q = self.turn(q.reshape([tokens, heads, dim]), self.q_norm.as_ref(), batch, adapter);
        let k = self.turn(k.reshape([tokens, kv_heads, dim]), self.k_norm.as_ref(), batch, adapter);
        let v = v.reshape([tokens, kv_heads, dim]);
        let (k, v) = match adapter.prefix(self.output.place.layer) {
            Some([keys, values]) => (batch.led(k, &keys), batch.led(v, &values)),
            None => (k, v),
        };
        let parts = match cache {
            Some(cache) => cache.append(&k, &v, batch.runs()),
            None => vec![(k, v)],
        };
        let y = self.attend(&q, parts, batch, config);
        let y = match adapter.adaption(self.output.place.layer) {
            Some(adaption) => y + self.adapted(q, adaption, config),
            None => y,
        };
        self.output.forward(y.reshape([tokens, heads * dim]), adapter)
    }

    /// What each head of `q` finds in its key head, where `parts` hold some key heads each.
    fn attend(
        &self,
        q: &Tensor<3>,
        parts: Vec<(Tensor<3>, Tensor<3>)>,
        batch: &Batch,
        config: &Config,
    ) -> Tensor<3> {
        let group = (config.sizes.heads / config.sizes.kv_heads) as usize;
        let (seen, mut first) = (batch.ranges(self.window), 0);
        let attend = |(k, v): (Tensor<3>, Tensor<3>)| {
            let heads = group * k.dims()[1];
            let q = some_heads(q, first, heads);
            first += heads;
            attention(q, k, v, seen, config.attention_scale, config.attention_cap)
        };
        let mut found: Vec<_> = parts.into_iter().map(attend).collect();
        if found.len() == 1 { found.remove(0) } else { Tensor::cat(found, 1) }
    }

    /// What each head of `q` finds in virtual tokens that all see.
    fn adapted(&self, q: Tensor<3>, adaption: &Adaption, config: &Config) -> Tensor<3> {
        let sizes = &config.sizes;
        let (heads, dim) = (sizes.kv_heads as usize, sizes.head_dim as usize);
        let [k, v] = adaption.seen(|prompt| {
            let widths = [sizes.heads as usize * dim, heads * dim, heads * dim];
            let [_, k, v] = self.inputs.forward(prompt, widths, &Base).map(|x| {
                let heads = x.dims()[1] / dim;
                x.reshape([prompt.dims()[0], heads, dim])
            });
            [self.k_norm.as_ref().map_or(k.clone(), |norm| norm.forward(k, &Base)), v]
        });
        let seen = vec![[0, k.dims()[0] as u32]; q.dims()[0]];
        let seen = KeyRanges::new(&seen, &q.device());
        adaption.gated(attention(q, k, v, &seen, config.attention_scale, config.attention_cap))
    }

    /// Each head normalised and turned by its position.
    fn turn(&self, x: Tensor<3>, norm: Option<&Norm>, batch: &Batch, adapter: &dyn Adapter) -> Tensor<3> {
        let x = match norm {
            Some(norm) => norm.forward(x, adapter),
            None => x,
        };
        match &self.frequencies {
            Some(frequencies) => {
                rope(x, batch.positions(), frequencies.clone(), Pairing::Halves, self.amplitude)
            }
            None => x,
        }
    }
}
