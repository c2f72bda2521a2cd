//! [`QuantOps`] on the CPU device: panels of a matrix dequantized beside a good matrix product.

#![allow(clippy::inline_always, reason = "the widest instruction set must reach the loops that it is for")]

use crate::dot_cpu::dot;
use crate::matrix::row_words;
use crate::parallel::{for_each_chunk, numbers, wide};
use crate::product_cpu::{Factor, add_product, beside, product};
use crate::quant::{Part, QuantOps};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::TensorData;
use smolder_formats::quants;
use std::cell::Cell;

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
        let (x, tokens) = (x.to_contiguous(), x.shape()[0]);
        let (y, cols) = if transposed {
            (backward(numbers(&x), &words, part), part.cols)
        } else {
            (forward(numbers(&x), &words, part), part.rows)
        };
        FloatTensor::<Self>::from_data(TensorData::new(y, [tokens, cols]))
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
fn forward(x: &[f32], words: &IntTensor<Flex>, part: Part) -> Vec<f32> {
    let x = Factor::rows(x, part.cols);
    beside(x, part.rows, 1.0, |write| {
        each_panel(words, part, |start, panel| write(start, Factor::rows(panel, part.cols).transposed()));
    })
}

/// `Σ x[:, panel]·panel`
fn backward(x: &[f32], words: &IntTensor<Flex>, part: Part) -> Vec<f32> {
    let (x, mut sum) = (Factor::rows(x, part.rows), Vec::new());
    each_panel(words, part, |start, panel| {
        let x = x.some_columns(start, panel.len() / part.cols);
        let panel = Factor::rows(panel, part.cols);
        if sum.is_empty() {
            sum = product(x, panel, 1.0);
        } else {
            add_product(&mut sum, x, panel);
        }
    });
    sum
}

thread_local! {
    /// A panel's memory, kept from one product to the next: the system clears new memory on one core.
    static KEPT: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// Calls `f` with the first row and the numbers of each panel.
fn each_panel(words: &IntTensor<Flex>, part: Part, mut f: impl FnMut(usize, &[f32])) {
    let height = (PANEL / part.cols).clamp(1, part.rows);
    let mut values = KEPT.take();
    for start in (0..part.rows).step_by(height) {
        values.resize(height.min(part.rows - start) * part.cols, 0.0);
        dequantize_rows(words, part, start, &mut values);
        f(start, &values);
    }
    KEPT.set(values);
}

fn dequantize_rows(words: &IntTensor<Flex>, part: Part, start: usize, values: &mut [f32]) {
    for_each_chunk(values, ROWS * part.cols, |chunk, out| {
        wide(
            #[inline(always)]
            || {
                for (row, out) in out.chunks_mut(part.cols).enumerate() {
                    dequantize(words, part, start + chunk * ROWS + row, out);
                }
            },
        );
    });
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
