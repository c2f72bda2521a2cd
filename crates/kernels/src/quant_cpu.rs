//! [`QuantOps`] on the CPU device: panels of a matrix dequantized beside a good matrix product.

#![allow(clippy::inline_always, reason = "the widest instruction set must reach the loops that it is for")]

use crate::dot_cpu::dot;
use crate::matrix::row_words;
use crate::parallel::{for_each_chunk, wide};
use crate::quant::{Part, QuantOps};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Flex, TensorMetadata};
use burn::tensor::{Shape, Slice, TensorData};
use smolder_formats::quants;

/// Numbers in a dequantized panel: a few MiB, beside which the product's own time is long.
const PANEL: usize = 1 << 20;
/// Up to so many rows of x, each row of W is multiplied as it is dequantized.
const FEW_ROWS: usize = 4;
/// Rows of W that a core takes at a time.
const ROWS: usize = 64;

impl QuantOps for Flex {
    fn quant_matmul(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        part: Part,
        transposed: bool,
    ) -> FloatTensor<Self> {
        if !transposed && x.shape()[0] <= FEW_ROWS {
            return few_rows(&x, &words, part);
        }
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
    for_each_chunk(&mut values, ROWS * part.cols, |chunk, out| {
        wide(
            #[inline(always)]
            || {
                for (row, out) in out.chunks_mut(part.cols).enumerate() {
                    dequantize(words, part, start + chunk * ROWS + row, out);
                }
            },
        );
    });
    FloatTensor::<Flex>::from_data(TensorData::new(values, Shape::new([height, part.cols])))
}

/// `x·Wᵀ`, W's rows shared among the cores.
fn few_rows(x: &FloatTensor<Flex>, words: &IntTensor<Flex>, part: Part) -> FloatTensor<Flex> {
    let x = x.to_contiguous();
    let (tokens, x) = (x.shape()[0], x.storage::<f32>());
    // One row of W after another, each with all rows of x: `[rows, tokens]`.
    let mut products = vec![0.0; part.rows * tokens];
    for_each_chunk(&mut products, ROWS * tokens, |chunk, out| {
        let mut row = vec![0.0; part.cols];
        wide(
            #[inline(always)]
            || {
                for (index, out) in out.chunks_mut(tokens).enumerate() {
                    dequantize(words, part, chunk * ROWS + index, &mut row);
                    for (out, x) in out.iter_mut().zip(x.chunks(part.cols)) {
                        *out = dot(x, &row);
                    }
                }
            },
        );
    });
    let products = FloatTensor::<Flex>::from_data(TensorData::new(products, [part.rows, tokens]));
    products.transpose(0, 1).to_contiguous()
}

#[inline(always)]
fn dequantize(words: &IntTensor<Flex>, part: Part, row: usize, out: &mut [f32]) {
    let stride = 4 * row_words(part);
    let bytes = part.cols / part.dtype.block_len() * part.dtype.block_bytes();
    quants::dequantize(part.dtype, &words.bytes()[row * stride..][..bytes], out);
}
