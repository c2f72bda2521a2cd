//! The models whose shapes kernels are measured at.

use smolder_formats::Dtype;

/// A model's sizes, and how its matrices are usually stored.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// What it is called in the catalog.
    pub name: &'static str,
    /// Layout of its matrices.
    pub dtype: Dtype,
    pub(crate) width: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_dim: usize,
    pub(crate) feed_forward: usize,
    pub(crate) vocabulary: usize,
}

/// Small, middling and large.
pub const SIZES: [Sizes; 3] = [
    Sizes {
        name: "smollm2-135m",
        dtype: Dtype::Q4_1,
        width: 576,
        heads: 9,
        kv_heads: 3,
        head_dim: 64,
        feed_forward: 1536,
        vocabulary: 49_152,
    },
    Sizes {
        name: "qwen2.5-0.5b",
        dtype: Dtype::Q8_0,
        width: 896,
        heads: 14,
        kv_heads: 2,
        head_dim: 64,
        feed_forward: 4864,
        vocabulary: 151_936,
    },
    Sizes {
        name: "llama-3.2-1b",
        dtype: Dtype::Q4_K,
        width: 2048,
        heads: 32,
        kv_heads: 8,
        head_dim: 64,
        feed_forward: 8192,
        vocabulary: 128_256,
    },
];

impl Sizes {
    /// Rows and columns of a layer's matrices, each shape once.
    pub(crate) fn matrices(&self) -> Vec<[usize; 2]> {
        let (queries, keys) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        let mut shapes = vec![
            [queries, self.width],
            [keys, self.width],
            [self.width, queries],
            [self.feed_forward, self.width],
            [self.width, self.feed_forward],
        ];
        shapes.sort_unstable();
        shapes.dedup();
        shapes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn square_shapes_are_measured_once() {
        assert_eq!(SIZES[0].matrices(), [[192, 576], [576, 576], [576, 1536], [1536, 576]]);
    }
}
