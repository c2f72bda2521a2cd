//! `Q5_0`: `d`, 32 high bits, 16 bytes of nibbles; x = d·(q − 16). `Q5_1`: `d`, `m`, the same; x = d·q + m.
//!
//! Bit i of the high bits belongs to element i.

use super::scale;

#[inline(always)]
pub(super) fn q5_0(block: &[u8; 22], out: &mut [f32; 32]) {
    let [d0, d1, h0, h1, h2, h3, packed @ ..] = block;
    let (d, bits) = (scale(*d0, *d1), u32::from_le_bytes([*h0, *h1, *h2, *h3]));
    let (low, high) = out.split_at_mut(16);
    for (i, ((byte, low), high)) in packed.iter().zip(low).zip(high).enumerate() {
        *low = d * f32::from(level(byte & 15, bits >> i).cast_signed() - 16);
        *high = d * f32::from(level(byte >> 4, bits >> (16 + i)).cast_signed() - 16);
    }
}

#[inline(always)]
pub(super) fn q5_1(block: &[u8; 24], out: &mut [f32; 32]) {
    let [d0, d1, m0, m1, h0, h1, h2, h3, packed @ ..] = block;
    let (d, m) = (scale(*d0, *d1), scale(*m0, *m1));
    let bits = u32::from_le_bytes([*h0, *h1, *h2, *h3]);
    let (low, high) = out.split_at_mut(16);
    for (i, ((byte, low), high)) in packed.iter().zip(low).zip(high).enumerate() {
        *low = d * f32::from(level(byte & 15, bits >> i)) + m;
        *high = d * f32::from(level(byte >> 4, bits >> (16 + i))) + m;
    }
}

/// Four low bits with the lowest of `bits` above them.
#[inline(always)]
fn level(low: u8, bits: u32) -> u8 {
    low | (bits as u8 & 1) << 4
}
