//! A layer of the small networks that make what is written.

use smolder_formats::adapter::AdapterTensor;
use smolder_kernels::burn::tensor::Tensor;

/// `x·Wᵀ + b`
pub(super) fn layer(x: Tensor<2>, w: &Tensor<2>, b: &Tensor<2>) -> Tensor<2> {
    x.matmul(w.clone().transpose()) + b.clone()
}

/// The same of one row, away from any device.
pub(super) fn layer_of(row: &[f32], w: &AdapterTensor, b: &AdapterTensor) -> impl Iterator<Item = f32> {
    let rows = w.values.chunks(row.len().max(1)).zip(&b.values);
    rows.map(move |(w, b)| b + w.iter().zip(row).map(|(w, x)| w * x).sum::<f32>())
}
