//! Keys and values of earlier tokens, so that each is computed once.

use crate::batch::Run;
use crate::config::Config;
use smolder_kernels::burn::tensor::{Device, Slice, Tensor};

/// Bytes of a tensor on a GPU at most: WebGPU's smallest `maxStorageBufferBindingSize`.
const PART_BYTES: usize = 128 << 20;

/// Keys and values of some key heads, `[rows, heads, head_dim]`: sequence `s` has the rows `s·capacity..`.
#[derive(Debug)]
struct Part {
    heads: usize,
    keys: Option<Tensor<3>>,
    values: Option<Tensor<3>>,
}

/// One layer's keys and values, the key heads in order. Heads know nothing of each other, so any of them can be apart.
#[derive(Debug)]
pub struct LayerCache {
    parts: Vec<Part>,
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
        let most = if *device == Device::flex() { usize::MAX } else { PART_BYTES };
        Self::in_parts_of(most, config, sequences, capacity, device)
    }

    /// The same in tensors of `most` bytes, or of one key head where that is more.
    pub fn in_parts_of(
        most: usize,
        config: &Config,
        sequences: usize,
        capacity: usize,
        device: &Device,
    ) -> Self {
        let (heads, dim) = (config.sizes.kv_heads as usize, config.sizes.head_dim as usize);
        let rows = sequences * capacity;
        let together = (most / (4 * rows * dim).max(1)).clamp(1, heads);
        let part = |first: usize| {
            let heads = together.min(heads - first);
            let empty = || Some(Tensor::zeros([rows, heads, dim], device));
            Part { heads, keys: empty(), values: empty() }
        };
        let layer = |_| LayerCache { parts: (0..heads).step_by(together).map(part).collect() };
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
    /// Keys and values of the first `count` rows, `[count, heads, head_dim]`.
    pub(crate) fn first(&self, count: usize) -> Option<[Tensor<3>; 2]> {
        let of = |one: fn(&Part) -> &Option<Tensor<3>>| {
            let rows = self.parts.iter().map(|part| Some(one(part).clone()?.narrow(0, 0, count)));
            Some(Tensor::cat(rows.collect::<Option<_>>()?, 1))
        };
        Some([of(|part| &part.keys)?, of(|part| &part.values)?])
    }

    /// Writes new keys and values, and gives all there are, some key heads at a time.
    pub(crate) fn append(
        &mut self,
        k: &Tensor<3>,
        v: &Tensor<3>,
        runs: &[Run],
    ) -> Vec<(Tensor<3>, Tensor<3>)> {
        let mut first = 0;
        let append = |part: &mut Part| {
            let [k, v] = [k, v].map(|new| some_heads(new, first, part.heads));
            first += part.heads;
            (write(&mut part.keys, &k, runs), write(&mut part.values, &v, runs))
        };
        self.parts.iter_mut().map(append).collect()
    }
}

/// The heads `first..first + heads` of `[rows, all, head_dim]`.
pub(crate) fn some_heads(x: &Tensor<3>, first: usize, heads: usize) -> Tensor<3> {
    if x.dims()[1] == heads { x.clone() } else { x.clone().narrow(1, first, heads) }
}

/// The old tensor is moved, not cloned: with one owner it is written in place.
fn write(cached: &mut Option<Tensor<3>>, new: &Tensor<3>, runs: &[Run]) -> Tensor<3> {
    let old = cached.take().unwrap_or_else(|| new.clone());
    let mut from = 0;
    let all = runs.iter().fold(old, |all, run| {
        let (at, len) = (run.at - run.prefix, run.prefix + run.len());
        from += len;
        let part = new.clone().narrow(0, from - len, len);
        all.slice_assign([Slice::from(at..at + len), Slice::full(), Slice::full()], part)
    });
    *cached = Some(all.clone());
    all
}
