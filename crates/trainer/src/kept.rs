//! How many layers' activations stay in memory from the forward pass to the backward pass, which else computes them again.

use smolder_kernels::burn::tensor::Device;
use smolder_models::Model;

/// Bytes for them on a processor: what is left of its memory is a person's. A GPU has none to spare, and a browser
/// never gives back what it took.
const ROOM: u64 = if cfg!(target_family = "wasm") { 64 << 20 } else { 1 << 30 };

/// Numbers that are kept of a layer for so many rows.
pub(crate) fn numbers(model: &Model, rows: u64) -> u64 {
    let sizes = &model.config().sizes;
    let heads = (sizes.heads + 2 * sizes.kv_heads) * sizes.head_dim;
    rows * (6 * sizes.width + 2 * heads + 3 * sizes.feed_forward)
}

/// The last layers that are kept.
pub(crate) fn layers(model: &Model, rows: u64) -> usize {
    let room = if *model.device() == Device::flex() { ROOM } else { 0 };
    let fit = room / (4 * numbers(model, rows)).max(1);
    (fit as usize).min(model.config().layers.len())
}
