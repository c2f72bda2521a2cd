//! Which rows are kept back for validation.

/// One step of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The indices, in order, of the `share` of `rows` that the seed keeps for validation.
///
/// At least one row is kept where `share` is above zero and there are two rows; one always stays to train on.
pub fn validation_rows(rows: usize, share: f64, seed: u64) -> Vec<usize> {
    if rows < 2 || share.is_nan() || share <= 0.0 {
        return Vec::new();
    }
    let wanted = ((rows as f64 * share).round() as usize).clamp(1, rows - 1);
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by_key(|index| mix(mix(seed) ^ *index as u64));
    order.truncate(wanted);
    order.sort_unstable();
    order
}
