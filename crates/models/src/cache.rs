//! Keys and values of earlier tokens, so that each is computed once.

use crate::batch::Run;
use crate::config::Config;
use smolder_kernels::burn::tensor::{Device, Slice, Tensor};

/// One layer's keys and values: sequence `s` has the rows `s·capacity..`.
#[derive(Debug)]
pub struct LayerCache {
    keys: Option<Tensor<3>>,
    values: Option<Tensor<3>>,
}

/// A cache for several sequences.
#[derive(Debug)]
pub struct Cache {
    pub(crate) layers: Vec<LayerCache>,
    capacity: usize,
}

impl Cache {
    /// Room for `capacity` tokens in each of `sequences` sequences.
    pub fn new(config: &Config, sequences: usize, capacity: usize, device: &Device) -> Self {
        let (heads, dim) = (config.sizes.kv_heads as usize, config.sizes.head_dim as usize);
        let empty = || Some(Tensor::zeros([sequences * capacity, heads, dim], device));
        let layer = |_| LayerCache { keys: empty(), values: empty() };
        Self { layers: config.layers.iter().map(layer).collect(), capacity }
    }

    /// Tokens for which a sequence has room.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Row where a sequence starts.
    pub fn row(&self, sequence: usize) -> usize {
        sequence * self.capacity
    }
}

impl LayerCache {
    /// Writes new keys and values, and gives all there are.
    pub(crate) fn append(&mut self, k: &Tensor<3>, v: &Tensor<3>, runs: &[Run]) -> (Tensor<3>, Tensor<3>) {
        (write(&mut self.keys, k, runs), write(&mut self.values, v, runs))
    }
}

/// The old tensor is moved, not cloned: with one owner it is written in place.
fn write(cached: &mut Option<Tensor<3>>, new: &Tensor<3>, runs: &[Run]) -> Tensor<3> {
    let old = cached.take().unwrap_or_else(|| new.clone());
    let all = runs.iter().fold(old, |all, run| {
        let part = new.clone().narrow(0, run.from, run.len());
        all.slice_assign([Slice::from(run.at..run.at + run.len()), Slice::full(), Slice::full()], part)
    });
    *cached = Some(all.clone());
    all
}
