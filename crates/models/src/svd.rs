//! A matrix's largest singular values and vectors, through products with it alone.
//!
//! Random vectors are multiplied with W and Wᵀ in turn (Halko et al. 2011, arXiv 0909.4061): what is left of other vectors
//! shrinks with each round by the square of how much smaller their singular values are.

use crate::peft::factoring::{dot, eigen, orthonormal, transposed};
use crate::read::read;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::{Device, Tensor, TensorData};

/// Vectors beyond the rank at least, and rounds: PEFT's own quick way takes no more of the first and 16 of the second.
const BEYOND: usize = 16;
const ROUNDS: usize = 16;

/// A matrix `[out, in]` that is multiplied.
pub(crate) trait Products {
    /// `[out, in]`
    fn shape(&self) -> [usize; 2];

    /// `x·Wᵀ` of rows of `in` numbers.
    async fn forth(&self, x: &[f32]) -> Result<Vec<f32>>;

    /// `y·W` of rows of `out` numbers.
    async fn back(&self, y: &[f32]) -> Result<Vec<f32>>;
}

/// A matrix's part: A `[rank, in]` and B `[out, rank]`, row by row.
pub(crate) type Factors = [Vec<f32>; 2];

/// The nearest scale·B·A of a rank, each singular value's root in either: `B = U·√(S/scale)`, `A = √(S/scale)·Vᵀ`.
///
/// `next` gives the random numbers to begin with. With `settled`, rounds end once they add less than this share of the
/// squares that were found.
pub(crate) async fn factors(
    matrix: &impl Products,
    (rank, scale): (usize, f64),
    next: impl FnMut() -> f32,
    settled: Option<f64>,
) -> Result<Factors> {
    let [outputs, inputs] = matrix.shape();
    let count = (rank + rank.max(BEYOND)).min(outputs.min(inputs));
    let begin = std::iter::repeat_with(next).take(count * inputs).collect();
    let [right, left] = subspace(matrix, begin, settled).await?;
    // W is now nearly leftᵀ·right: its singular values and vectors are those of the few rows of `right`.
    let rows = || right.chunks(inputs);
    let squares = rows().flat_map(|row| rows().map(move |other| dot(row, other))).collect();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for (square, vector) in eigen(squares, right.len() / inputs).into_iter().take(rank) {
        let value = square.max(0.0).sqrt();
        let share = if value > 0.0 { (scale * value).sqrt().recip() } else { 0.0 };
        a.extend(combined(&right, &vector, inputs, share));
        b.extend(combined(&left, &vector, outputs, (value / scale).sqrt()));
    }
    Ok([a, transposed(&b, outputs)])
}

/// `[left·W, left]` of orthonormal rows `left` of `out` numbers.
async fn subspace(matrix: &impl Products, begin: Vec<f32>, settled: Option<f64>) -> Result<[Vec<f32>; 2]> {
    let ([outputs, inputs], mut right) = (matrix.shape(), begin);
    let (mut left, mut found) = (Vec::new(), 0.0);
    for _ in 0..ROUNDS {
        orthonormal(&mut right, inputs);
        left = matrix.forth(&right).await?;
        orthonormal(&mut left, outputs);
        right = matrix.back(&left).await?;
        let squares = dot(&right, &right);
        if settled.is_some_and(|share| squares - found <= share * squares) {
            break;
        }
        found = squares;
    }
    Ok([right, left])
}

/// `factor` times the sum of rows of `len` numbers, each multiplied with its number in `by`.
fn combined(rows: &[f32], by: &[f64], len: usize, factor: f64) -> Vec<f32> {
    let mut sum = vec![0.0; len];
    for (row, by) in rows.chunks(len).zip(by) {
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += by * f64::from(*x));
    }
    sum.into_iter().map(|sum| (factor * sum) as f32).collect()
}

/// A matrix of numbers on the processor.
pub(crate) struct Dense(Tensor<2>);

impl Dense {
    /// Of rows of `cols` numbers.
    pub fn new(values: &[f32], cols: usize) -> Self {
        Self(on_processor(values, cols))
    }
}

impl Products for Dense {
    fn shape(&self) -> [usize; 2] {
        self.0.dims()
    }

    async fn forth(&self, x: &[f32]) -> Result<Vec<f32>> {
        // Read from rows of W: a transposed copy of it is never made.
        let y = self.0.clone().matmul(on_processor(x, self.shape()[1]).transpose());
        numbers(y.transpose()).await
    }

    async fn back(&self, y: &[f32]) -> Result<Vec<f32>> {
        numbers(on_processor(y, self.shape()[0]).matmul(self.0.clone())).await
    }
}

fn on_processor(values: &[f32], cols: usize) -> Tensor<2> {
    let data = TensorData::new(values.to_vec(), [values.len() / cols.max(1), cols]);
    Tensor::from_data(data, &Device::flex())
}

async fn numbers(tensor: Tensor<2>) -> Result<Vec<f32>> {
    let failed = |reason| Error::new(Kind::Io, "product", "a device that answers", reason);
    read(tensor).await.map_err(failed)
}
