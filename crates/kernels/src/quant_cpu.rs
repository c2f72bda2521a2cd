//! [`QuantOps`] on the CPU device: panels of a matrix dequantized beside a good matrix product.

use crate::matrix::{row_words, unpack};
use crate::parallel::for_each_chunk;
use crate::quant::{Part, QuantOps};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Flex, TensorMetadata};
use burn::tensor::{Shape, Slice, TensorData};
use smolder_formats::quants::dequantize_into;

/// Numbers in a dequantized panel: a few MiB, beside which the product's own time is long.
const PANEL: usize = 1 << 20;

impl QuantOps for Flex {
    fn quant_matmul(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        part: Part,
        transposed: bool,
    ) -> FloatTensor<Self> {
        let height = (PANEL / part.cols).clamp(1, part.rows);
        let starts = (0..part.rows).step_by(height);
        let panels = starts.map(|start| (start, panel(&words, part, start, height.min(part.rows - start))));
        if transposed { backward::<Self>(&x, panels) } else { forward::<Self>(&x, panels) }
    }

    fn quant_rows(
        ids: IntTensor<Self>,
        words: IntTensor<Self>,
        part: Part,
        first: usize,
    ) -> FloatTensor<Self> {
        let ids = ids.to_contiguous();
        let ids = ids.bytes().as_chunks::<4>().0.iter().map(|id| u32::from_le_bytes(*id) as usize);
        let mut picked = vec![0.0; ids.len() * part.cols];
        for (id, out) in ids.zip(picked.chunks_mut(part.cols)) {
            if (first..first + part.rows).contains(&id) {
                dequantize(&words, part, id - first, out);
            }
        }
        let rows = picked.len() / part.cols;
        FloatTensor::<Self>::from_data(TensorData::new(picked, [rows, part.cols]))
    }
}

/// `[…, x·panelᵀ, …]`
fn forward<B: Backend>(
    x: &FloatTensor<B>,
    panels: impl Iterator<Item = (usize, FloatTensor<B>)>,
) -> FloatTensor<B> {
    let mut products: Vec<_> =
        panels.map(|(_, panel)| B::float_matmul(x.clone(), B::float_transpose(panel))).collect();
    if products.len() == 1 { products.remove(0) } else { B::float_cat(products, 1) }
}

/// `Σ x[:, panel]·panel`
fn backward<B: Backend>(
    x: &FloatTensor<B>,
    panels: impl Iterator<Item = (usize, FloatTensor<B>)>,
) -> FloatTensor<B> {
    let product = |(start, panel): (usize, FloatTensor<B>)| {
        let columns = Slice::from(start..start + panel.shape()[0]);
        B::float_matmul(B::float_slice(x.clone(), &[Slice::full(), columns]), panel)
    };
    let sum = panels.map(product).reduce(B::float_add);
    sum.unwrap_or_else(|| x.clone())
}

fn panel(words: &IntTensor<Flex>, part: Part, start: usize, height: usize) -> FloatTensor<Flex> {
    let mut values = vec![0.0; height * part.cols];
    for_each_chunk(&mut values, part.cols, |row, out| dequantize(words, part, start + row, out));
    FloatTensor::<Flex>::from_data(TensorData::new(values, Shape::new([height, part.cols])))
}

fn dequantize(words: &IntTensor<Flex>, part: Part, row: usize, out: &mut [f32]) {
    let (mut bytes, mut values) = (Vec::new(), Vec::new());
    let len = row_words(part);
    unpack(part, &words.storage::<u32>()[row * len..][..len], &mut bytes);
    // A packed row is whole blocks, the only thing that could be refused.
    if dequantize_into(part.dtype, &bytes, &mut values).is_ok() {
        out.copy_from_slice(&values);
    }
}
