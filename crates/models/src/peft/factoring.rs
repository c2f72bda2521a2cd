//! Weights taken apart, through products with them alone.

use crate::model::Model;
use crate::read::read;
use crate::svd::Products;
use smolder_formats::adapter::{LoraPair, Module};
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::Matrix;
use smolder_kernels::burn::tensor::{Device, Tensor, TensorData};

/// A frozen weight W `[out, in]` that is multiplied where it lies, and never dequantized as a whole.
pub(super) struct Weight<'a> {
    matrix: &'a Matrix,
    device: &'a Device,
    path: String,
}

impl<'a> Weight<'a> {
    /// That of a pair.
    pub fn of(pair: &LoraPair, model: &'a Model) -> Result<Self> {
        let (path, device) = (pair.module.hf(), model.device());
        let found = match pair.module {
            Module::Projection(place) => model.linear(place),
            Module::Embedding | Module::Head => None,
        };
        let missing = || Error::new(Kind::Unsupported, &path, "a projection of a layer", "another");
        Ok(Self { matrix: &found.ok_or_else(missing)?.weight, device, path })
    }

    fn rows(&self, values: &[f32], cols: usize) -> Tensor<2> {
        let data = TensorData::new(values.to_vec(), [values.len() / cols.max(1), cols]);
        Tensor::from_data(data, self.device)
    }

    async fn read(&self, tensor: Tensor<2>) -> Result<Vec<f32>> {
        let failed = |reason| Error::new(Kind::Io, &self.path, "a device that answers", reason);
        read(tensor).await.map_err(failed)
    }
}

impl Products for Weight<'_> {
    fn shape(&self) -> [usize; 2] {
        [self.matrix.rows(), self.matrix.cols()]
    }

    async fn forth(&self, x: &[f32]) -> Result<Vec<f32>> {
        self.read(self.matrix.matmul(self.rows(x, self.matrix.cols()))).await
    }

    async fn back(&self, y: &[f32]) -> Result<Vec<f32>> {
        self.read(self.matrix.matmul_back(&self.rows(y, self.matrix.rows()))).await
    }
}

/// Makes rows of `len` numbers orthonormal, each made orthogonal to those before it twice, since once loses digits; one
/// that those before it make up becomes zeros.
pub(crate) fn orthonormal(rows: &mut [f32], len: usize) {
    for at in 0..rows.len() / len.max(1) {
        let (done, rest) = rows.split_at_mut(at * len);
        let Some(row) = rest.get_mut(..len) else { return };
        let before = norm(row);
        for _ in 0..2 {
            for other in done.chunks(len) {
                let share = dot(row, other);
                row.iter_mut()
                    .zip(other)
                    .for_each(|(x, y)| *x = (f64::from(*x) - share * f64::from(*y)) as f32);
            }
        }
        let after = norm(row);
        let factor = if after > 1e-6 * before { after.recip() } else { 0.0 };
        for x in row {
            *x = (f64::from(*x) * factor) as f32;
        }
    }
}

/// Σ xᵢ·yᵢ
pub(crate) fn dot(x: &[f32], y: &[f32]) -> f64 {
    x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

fn norm(x: &[f32]) -> f64 {
    dot(x, x).sqrt()
}

/// Columns of rows of `len` numbers, one behind the other.
pub(crate) fn transposed(rows: &[f32], len: usize) -> Vec<f32> {
    (0..len).flat_map(|at| rows.iter().skip(at).step_by(len.max(1)).copied()).collect()
}

/// Eigenvalues of a symmetric matrix of `size` rows, largest first, and for each its eigenvector, by Jacobi's rotations.
pub(crate) fn eigen(mut matrix: Vec<f64>, size: usize) -> Vec<(f64, Vec<f64>)> {
    let mut vectors: Vec<Vec<f64>> =
        (0..size).map(|at| (0..size).map(|one| f64::from(u8::from(one == at))).collect()).collect();
    for _ in 0..SWEEPS {
        let mut largest = 0.0_f64;
        for p in 0..size {
            for q in p + 1..size {
                largest = largest.max(rotate(&mut matrix, &mut vectors, size, (p, q)));
            }
        }
        if largest < 1e-12 {
            break;
        }
    }
    let mut pairs: Vec<(f64, Vec<f64>)> = (0..size).map(|at| matrix[at * size + at]).zip(vectors).collect();
    pairs.sort_by(|one, other| other.0.total_cmp(&one.0));
    pairs
}

/// Rounds of Jacobi's rotations at most: they converge quadratically, within about ten.
const SWEEPS: usize = 30;

/// Makes entry (p, q) zero; how large it was beside the diagonal.
fn rotate(matrix: &mut [f64], vectors: &mut [Vec<f64>], size: usize, (p, q): (usize, usize)) -> f64 {
    let [first, second, between] = [p * size + p, q * size + q, p * size + q].map(|at| matrix[at]);
    if between == 0.0 {
        return 0.0;
    }
    let theta = (second - first) / (2.0 * between);
    let tangent = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let cosine = tangent.hypot(1.0).recip();
    let turn = |x: f64, y: f64| (cosine * (x - tangent * y), cosine * (tangent * x + y));
    for at in 0..size {
        let (x, y) = (at * size + p, at * size + q);
        (matrix[x], matrix[y]) = turn(matrix[x], matrix[y]);
    }
    for at in 0..size {
        let (x, y) = (p * size + at, q * size + at);
        (matrix[x], matrix[y]) = turn(matrix[x], matrix[y]);
    }
    let (before, behind) = vectors.split_at_mut(q);
    for (x, y) in before[p].iter_mut().zip(&mut behind[0]) {
        (*x, *y) = turn(*x, *y);
    }
    between.abs() / (first * second).abs().sqrt().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_are_turned_into_multiples_of_themselves() {
        let size = 7;
        let entry = |row: usize, col: usize| {
            1.0 / (1.0 + (row + col) as f64) + f64::from(u8::from(row == col)) * row as f64
        };
        let matrix: Vec<f64> = (0..size * size).map(|at| entry(at / size, at % size)).collect();
        let pairs = eigen(matrix.clone(), size);
        assert!(pairs.windows(2).all(|pair| pair[0].0 >= pair[1].0));
        for (value, vector) in pairs {
            assert!((vector.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-12);
            for (row, x) in matrix.chunks(size).zip(&vector) {
                let product: f64 = row.iter().zip(&vector).map(|(a, b)| a * b).sum();
                assert!((product - value * x).abs() < 1e-10, "{product} and {value} times {x}");
            }
        }
    }

    #[test]
    fn rows_become_orthonormal_and_one_too_many_zeros() {
        let mut rows = vec![3.0, 4.0, 0.0, 3.0, 4.0, 1.0, 6.0, 8.0, 5.0];
        orthonormal(&mut rows, 3);
        let found: Vec<f64> = (0..9)
            .map(|at| dot(&rows[at / 3 * 3..at / 3 * 3 + 3], &rows[at % 3 * 3..at % 3 * 3 + 3]))
            .collect();
        let expected = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        assert!(
            found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6),
            "{found:?}"
        );
    }
}
