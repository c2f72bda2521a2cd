//! `Q5_0`: `d`, 32 high bits, 16 bytes of nibbles; x = d·(q − 16). `Q5_1`: `d`, `m`, the same; x = d·q + m.
//!
//! Bit i of the high bits belongs to element i.

use super::q4::nibbles;
use super::scale;

#[inline(always)]
fn levels(high: [u8; 4], packed: &[u8; 16]) -> impl Iterator<Item = u8> {
    let high = u32::from_le_bytes(high);
    nibbles(packed).into_iter().enumerate().map(move |(i, low)| low | (((high >> i) & 1) << 4) as u8)
}

#[inline(always)]
pub(super) fn q5_0(block: &[u8; 22], out: &mut [f32; 32]) {
    let [d0, d1, h0, h1, h2, h3, packed @ ..] = block;
    let d = scale(*d0, *d1);
    for (out, q) in out.iter_mut().zip(levels([*h0, *h1, *h2, *h3], packed)) {
        *out = d * f32::from(q.cast_signed() - 16);
    }
}

#[inline(always)]
pub(super) fn q5_1(block: &[u8; 24], out: &mut [f32; 32]) {
    let [d0, d1, m0, m1, h0, h1, h2, h3, packed @ ..] = block;
    let (d, m) = (scale(*d0, *d1), scale(*m0, *m1));
    for (out, q) in out.iter_mut().zip(levels([*h0, *h1, *h2, *h3], packed)) {
        *out = d * f32::from(q) + m;
    }
}
