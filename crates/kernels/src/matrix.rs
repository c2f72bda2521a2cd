//! A frozen matrix on a device, in parts that fit the device's bindings.

use crate::quant::{Part, QuantOps, SHADERS};
use burn::backend::Dispatch;
use burn::tensor::{DType, Device, Int, Tensor, TensorData, f16};
use smolder_formats::quants::{dequantize_into, quantize_into};
use smolder_formats::{Dtype, Result};

/// Bytes of a part: well below WebGPU's smallest `maxStorageBufferBindingSize` (128 MiB), small enough that uploading
/// one takes little memory beside the model.
const PART_BYTES: usize = 32 << 20;

/// A frozen matrix `W[rows, cols]`, as GGUF stores it.
#[derive(Clone, Debug)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    parts: Vec<(Part, Tensor<1, Int>)>,
}

/// Takes a matrix's rows in order and uploads them part by part.
#[derive(Debug)]
pub struct MatrixBuilder {
    source: Dtype,
    part: Part,
    cols: usize,
    device: Device,
    /// Bytes of a part.
    most: usize,
    pending: Vec<u32>,
    parts: Vec<(Part, Tensor<1, Int>)>,
}

impl MatrixBuilder {
    /// For rows of `cols` elements of `dtype`.
    ///
    /// Layouts without a shader become one that holds them: `IQ4_NL` exactly as `Q8_0`, others rounded to `F16`.
    pub fn new(dtype: Dtype, cols: usize, device: &Device) -> Self {
        let stored = stored_as(dtype);
        let unit = stored.block_len().max(8);
        // The CPU device reads the file's own bytes, the shaders words that no block shares with another.
        let raw = *device == Device::flex();
        let part = Part { dtype: stored, rows: 0, cols: cols.next_multiple_of(unit), raw };
        Self {
            source: dtype,
            part,
            cols,
            device: device.clone(),
            most: PART_BYTES,
            pending: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// Appends whole rows, given as the file's bytes.
    ///
    /// # Errors
    /// [`smolder_formats::Kind::Shape`] where the bytes are not whole rows.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let row_bytes = self.source.block_bytes() * self.cols / self.source.block_len();
        for row in bytes.chunks(row_bytes.max(1)) {
            let row = convert(self.source, self.part.dtype, row)?;
            pack(self.part, &row, &mut self.pending);
            self.part.rows += 1;
            if self.pending.len() * 4 >= self.most {
                self.flush();
            }
        }
        Ok(())
    }

    /// Ends each part behind the row with which it has so many bytes.
    #[must_use]
    pub fn in_parts_of(self, bytes: usize) -> Self {
        Self { most: bytes, ..self }
    }

    /// The matrix, once all rows are there.
    #[must_use]
    pub fn finish(mut self) -> Matrix {
        self.flush();
        let rows = self.parts.iter().map(|(part, _)| part.rows).sum();
        Matrix { rows, cols: self.cols, parts: self.parts }
    }

    fn flush(&mut self) {
        if self.part.rows > 0 {
            let words = std::mem::take(&mut self.pending);
            let data = TensorData::new(words, [self.part.rows * row_words(self.part)]);
            self.parts.push((self.part, Tensor::from_data(data, (&self.device, DType::U32))));
            self.part.rows = 0;
        }
    }
}

impl Matrix {
    /// Rows: a linear layer's outputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns: a linear layer's inputs.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|(part, _)| 4 * part.rows * row_words(*part)).sum()
    }

    /// `y = x·Wᵀ`, differentiable in `x`; the backward is `∂x = ∂y·W`.
    ///
    /// # Shapes
    /// - `x`: `[tokens, cols]`, result: `[tokens, rows]`, f32
    pub fn matmul(&self, x: Tensor<2>) -> Tensor<2> {
        let x = self.pad(x);
        let product = |(part, words): &(Part, Tensor<1, Int>)| {
            let y = Dispatch::quant_matmul(
                x.clone().into_dispatch(),
                words.clone().into_dispatch(),
                *part,
                false,
            );
            Tensor::from_dispatch(y)
        };
        match self.parts.as_slice() {
            [whole] => product(whole),
            parts => Tensor::cat(parts.iter().map(product).collect(), 1),
        }
    }

    /// `x = y·W`, what the backward of [`Self::matmul`] does with a gradient `y` `[tokens, rows]`.
    pub fn matmul_back(&self, y: &Tensor<2>) -> Tensor<2> {
        let mut start = 0;
        let products = self.parts.iter().map(|(part, words)| {
            start += part.rows;
            let y = if part.rows == self.rows {
                y.clone()
            } else {
                y.clone().narrow(1, start - part.rows, part.rows)
            };
            let x = Dispatch::quant_matmul(y.into_dispatch(), words.clone().into_dispatch(), *part, true);
            Tensor::<2>::from_dispatch(x)
        });
        let sum = products.reduce(|sum, x| sum + x);
        let sum = sum.unwrap_or_else(|| Tensor::zeros([y.dims()[0], self.cols], &y.device()));
        if sum.dims()[1] == self.cols { sum } else { sum.narrow(1, 0, self.cols) }
    }

    /// Rows `ids` of W, without a gradient: an embedding.
    ///
    /// # Shapes
    /// - `ids`: `[tokens]`, each below [`Matrix::rows`]; result: `[tokens, cols]`
    pub fn rows_of(&self, ids: &Tensor<1, Int>) -> Tensor<2> {
        let mut first = 0;
        let picked = self.parts.iter().map(|(part, words)| {
            let rows = Dispatch::quant_rows(
                ids.clone().into_dispatch(),
                words.clone().into_dispatch(),
                *part,
                first,
            );
            first += part.rows;
            Tensor::<2>::from_dispatch(rows)
        });
        let sum = picked.reduce(|sum, rows| sum + rows);
        let sum = sum.unwrap_or_else(|| Tensor::zeros([ids.dims()[0], self.cols], &ids.device()));
        if sum.dims()[1] == self.cols { sum } else { sum.narrow(1, 0, self.cols) }
    }

    /// Zeros behind each row where the layout wants whole blocks.
    fn pad(&self, x: Tensor<2>) -> Tensor<2> {
        let [tokens, cols] = x.dims();
        assert_eq!(cols, self.cols, "Matrix::matmul: x must have as many columns as the matrix");
        let padded = self.parts.first().map_or(cols, |(part, _)| part.cols);
        if padded == cols {
            return x;
        }
        let zeros = Tensor::zeros([tokens, padded - cols], &x.device());
        Tensor::cat(vec![x, zeros], 1)
    }
}

fn stored_as(dtype: Dtype) -> Dtype {
    match dtype {
        Dtype::IQ4_NL => Dtype::Q8_0,
        known if SHADERS.iter().any(|(dtype, _)| *dtype == known) => known,
        _ => Dtype::F16,
    }
}

fn convert(from: Dtype, to: Dtype, row: &[u8]) -> Result<Vec<u8>> {
    if from == to {
        return Ok(row.to_vec());
    }
    let (mut values, mut bytes) = (Vec::new(), Vec::new());
    dequantize_into(from, row, &mut values)?;
    if from == Dtype::IQ4_NL {
        let blocks = row.chunks(from.block_bytes()).zip(values.chunks(from.block_len()));
        blocks.for_each(|(block, values)| iq4_nl_to_q8_0(block, values, &mut bytes));
    } else {
        quantize_into(to, &values, &mut bytes)?;
    }
    Ok(bytes)
}

/// `IQ4_NL` is x = d·c with c from a table of signed bytes: a `Q8_0` block with the same d.
fn iq4_nl_to_q8_0(block: &[u8], values: &[f32], bytes: &mut Vec<u8>) {
    let scale = block.first_chunk().map_or(0.0, |b| f16::from_le_bytes(*b).to_f32());
    bytes.extend(&block[..2]);
    let level = |value: &f32| if scale == 0.0 { 0 } else { (value / scale).round() as i8 };
    bytes.extend(values.iter().map(|value| level(value).cast_unsigned()));
}

/// Words of one packed row.
pub(crate) fn row_words(part: Part) -> usize {
    let block_bytes = part.dtype.block_bytes();
    let blocks = part.cols / part.dtype.block_len();
    let widened = part.dtype.is_quantized() && !part.raw;
    if widened { blocks * block_bytes.div_ceil(4) } else { (blocks * block_bytes).div_ceil(4) }
}

/// Appends a row as little-endian words. For a shader, a block whose length is no multiple of 4 bytes is widened: its
/// leading scale takes a word (`Q6_K`, whose scale comes last, is padded there).
fn pack(part: Part, row: &[u8], words: &mut Vec<u32>) {
    let end = words.len() + row_words(part);
    let widened = part.dtype.is_quantized() && !part.raw;
    let block_bytes = if widened { part.dtype.block_bytes() } else { row.len() };
    let scale_first = widened && part.dtype != Dtype::Q6_K && block_bytes % 4 == 2;
    for block in row.chunks(block_bytes.max(1)) {
        let (scale, rest) = block.split_at(if scale_first { 2 } else { 0 });
        if scale_first {
            words.push(word(scale));
        }
        words.extend(rest.chunks(4).map(word));
    }
    words.resize(end, 0);
}

fn word(bytes: &[u8]) -> u32 {
    let mut word = [0; 4];
    word[..bytes.len()].copy_from_slice(bytes);
    u32::from_le_bytes(word)
}
