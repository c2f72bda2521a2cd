//! Each kernel at the shapes of real models.

use crate::ceilings::Ceilings;
use crate::contest::{Contest, Work};
use crate::error::BenchError;
use crate::report::{Part, Timing};
use crate::sizes::Sizes;
use smolder_kernels::burn::tensor::{DType, Device, Int, Tensor, TensorData};
use smolder_kernels::{
    Gate, KeyRanges, Matrix, MatrixBuilder, Pairing, add_rms_norm, attention, cross_entropy, gated_unit,
    rms_norm, rope,
};

/// Rows of the matrix products.
const ROWS: [usize; 3] = [128, 256, 512];
/// Rows of everything else.
const TOKENS: usize = 512;
/// Numbers of a chunk of logits, as the training step takes them.
const LOGITS: usize = 1 << 22;

/// Measures a device's ceilings, and against them every kernel at each of these sizes. `each` hears of every result.
///
/// # Errors
/// [`BenchError::Device`] where the device gives no result; [`BenchError::Model`] should a layout be refused.
pub async fn kernels(
    device: &Device,
    sizes: &[Sizes],
    each: &mut dyn FnMut(&Timing),
) -> Result<Part, BenchError> {
    let ceilings = Ceilings::measure(device).await?;
    let mut timings = Vec::new();
    for sizes in sizes {
        let bench = Bench { device, sizes, ceilings: &ceilings };
        bench.products(&mut timings, each).await?;
        for contest in bench.others() {
            let timing = contest.run(&ceilings).await?;
            each(&timing);
            timings.push(timing);
        }
    }
    Ok(Part { name: "kernels".to_owned(), figures: ceilings.figures(), timings, ..Part::default() })
}

struct Bench<'a> {
    device: &'a Device,
    sizes: &'a Sizes,
    ceilings: &'a Ceilings,
}

impl Bench<'_> {
    /// Products with every matrix, one matrix in memory at a time.
    async fn products(
        &self,
        timings: &mut Vec<Timing>,
        each: &mut dyn FnMut(&Timing),
    ) -> Result<(), BenchError> {
        for [rows, cols] in self.sizes.matrices() {
            let matrix = self.matrix(rows, cols)?;
            let dense = self.numbers([rows, cols]);
            for tokens in [1].into_iter().chain(ROWS) {
                for transposed in [false, true].into_iter().take(if tokens == 1 { 1 } else { 2 }) {
                    let contest = self.product(&matrix, Some(&dense), tokens, transposed);
                    let timing = contest.run(self.ceilings).await?;
                    each(&timing);
                    timings.push(timing);
                }
            }
        }
        let head = self.matrix(self.sizes.vocabulary, self.sizes.width)?;
        let timing = self.product(&head, None, 1, false).run(self.ceilings).await?;
        each(&timing);
        timings.push(timing);
        Ok(())
    }

    fn product<'a>(
        &self,
        matrix: &'a Matrix,
        dense: Option<&'a Tensor<2>>,
        tokens: usize,
        transposed: bool,
    ) -> Contest<'a> {
        let (rows, cols) = (matrix.rows(), matrix.cols());
        let (kind, from, to) = if transposed { ("transposed", rows, cols) } else { ("forward", cols, rows) };
        let x = self.numbers([tokens, from]);
        let other = x.clone();
        let ours: Work<'a> = Box::new(move || {
            flat(if transposed { matrix.matmul_back(&x) } else { matrix.matmul(x.clone()) })
        });
        let dense = dense.map(|dense| -> Work<'a> {
            Box::new(move || {
                let dense = if transposed { dense.clone() } else { dense.clone().transpose() };
                flat(other.clone().matmul(dense))
            })
        });
        Contest {
            name: self.named(&format!("{} {kind}, {tokens} × {from} → {to}", self.sizes.dtype)),
            flop: 2.0 * (tokens * rows * cols) as f64,
            bytes: (matrix.bytes() + 4 * tokens * (rows + cols)) as f64,
            ours,
            dense,
        }
    }

    /// Everything but matrix products.
    fn others(&self) -> Vec<Contest<'static>> {
        let Sizes { width, heads, head_dim, feed_forward, vocabulary, .. } = *self.sizes;
        let (x, residual) = (self.numbers([TOKENS, width]), self.numbers([TOKENS, width]));
        let weight = self.numbers([1, width]).reshape([width]);
        let (inner, other) = (self.numbers([TOKENS, feed_forward]), self.numbers([TOKENS, feed_forward]));
        let turned = self.numbers([TOKENS, heads * head_dim]).reshape([TOKENS, heads, head_dim]);
        let positions = self.integers((0..TOKENS as i32).collect());
        let frequencies = self.numbers([1, head_dim / 2]).reshape([head_dim / 2]);
        let logits = self.numbers([(LOGITS / vocabulary).max(1), vocabulary]);
        let targets = self.integers(vec![0; logits.dims()[0]]);
        let weight_too = weight.clone();
        let (narrow, wide) = (4 * TOKENS * width, 4 * TOKENS * feed_forward);
        let all_logits = 4 * logits.dims()[0] * vocabulary;
        let mut all = vec![
            self.memory("rms_norm", 2 * narrow, {
                let x = x.clone();
                move || flat(rms_norm(x.clone(), weight.clone(), 1e-5))
            }),
            self.memory("add_rms_norm", 4 * narrow, move || {
                flat(add_rms_norm(x.clone(), residual.clone(), weight_too.clone(), 1e-5).1)
            }),
            self.memory("rope", 2 * 4 * TOKENS * heads * head_dim, move || {
                let turned = turned.clone();
                flat(rope(turned, positions.clone(), frequencies.clone(), Pairing::Halves, 1.0))
            }),
            self.memory("gated_unit", 3 * wide, move || {
                flat(gated_unit(inner.clone(), other.clone(), Gate::Silu))
            }),
            // The gradient takes the logits' place, so the bench copies them first.
            self.memory("cross_entropy, logits copied first", 4 * all_logits, move || {
                cross_entropy(logits.clone(), targets.clone(), 1.0, None).0
            }),
        ];
        all.extend([false, true].map(|backward| self.attention(backward)));
        all
    }

    fn attention(&self, backward: bool) -> Contest<'static> {
        let Sizes { heads, kv_heads, head_dim, .. } = *self.sizes;
        let device = if backward { self.device.clone().autodiff() } else { self.device.clone() };
        let tensor = |heads: usize| {
            let data = numbers(TOKENS * heads * head_dim);
            let tensor = Tensor::<3>::from_data(TensorData::new(data, [TOKENS, heads, head_dim]), &device);
            if backward { tensor.require_grad() } else { tensor }
        };
        let (q, k, v) = (tensor(heads), tensor(kv_heads), tensor(kv_heads));
        let ranges =
            KeyRanges::new(&(1..=TOKENS as u32).map(|end| [0, end]).collect::<Vec<_>>(), self.device);
        let scale = (head_dim as f32).sqrt().recip();
        let run = move || {
            let y = attention(q.clone(), k.clone(), v.clone(), &ranges, scale, None);
            if !backward {
                return flat(y);
            }
            let gradients = y.sum().backward();
            flat(q.grad(&gradients).unwrap_or_else(|| q.clone().inner()))
        };
        let pairs = (heads * TOKENS * (TOKENS + 1) / 2) as f64;
        // Two products for each pair forward; backward the scores again and four more.
        let (name, products) =
            if backward { ("attention, forward and backward", 7.0) } else { ("attention", 2.0) };
        let tensors = 2 * (heads + kv_heads) * if backward { 3 } else { 1 };
        Contest {
            name: self.named(&format!("{name}, {TOKENS} tokens")),
            flop: products * 2.0 * head_dim as f64 * pairs,
            bytes: (4 * TOKENS * head_dim * tensors) as f64,
            ours: Box::new(run),
            dense: None,
        }
    }

    /// A kernel that memory bounds.
    fn memory(&self, name: &str, bytes: usize, run: impl Fn() -> Tensor<1> + 'static) -> Contest<'static> {
        let name = self.named(&format!("{name}, {TOKENS} tokens"));
        Contest { name, flop: 0.0, bytes: bytes as f64, ours: Box::new(run), dense: None }
    }

    fn named(&self, what: &str) -> String {
        format!("{}: {what}", self.sizes.name)
    }

    /// A matrix of any numbers: bytes below 64 make every 16-bit scale finite.
    fn matrix(&self, rows: usize, cols: usize) -> Result<Matrix, BenchError> {
        let dtype = self.sizes.dtype;
        let row_bytes = cols / dtype.block_len() * dtype.block_bytes();
        let some: Vec<u8> = random().take(64 * row_bytes).map(|word| (word >> 24) as u8 & 63).collect();
        let mut builder = MatrixBuilder::new(dtype, cols, self.device);
        for row in 0..rows {
            let at = row % 64 * row_bytes;
            builder.push(&some[at..at + row_bytes])?;
        }
        Ok(builder.finish())
    }

    fn numbers(&self, shape: [usize; 2]) -> Tensor<2> {
        Tensor::from_data(TensorData::new(numbers(shape[0] * shape[1]), shape), self.device)
    }

    fn integers(&self, values: Vec<i32>) -> Tensor<1, Int> {
        let len = values.len();
        Tensor::from_data(TensorData::new(values, [len]), (self.device, DType::I32))
    }
}

fn flat<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let len = tensor.dims().iter().product::<usize>();
    tensor.reshape([len])
}

/// Numerical Recipes' linear congruential generator.
fn random() -> impl Iterator<Item = u32> {
    std::iter::successors(Some(1_u32), |state| {
        Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
    })
}

/// Numbers in [-1, 1).
fn numbers(len: usize) -> Vec<f32> {
    random().take(len).map(|word| (word >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
}
