//! `Q4_0`: `d`, 16 bytes of nibbles; x = d·(q − 8). `Q4_1`: `d`, `m`, 16 bytes; x = d·q + m.
//!
//! The low nibbles are elements 0 to 15, the high nibbles elements 16 to 31.

use super::scale;

#[inline(always)]
pub(super) fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let [d0, d1, packed @ ..] = block;
    let d = scale(*d0, *d1);
    let (low, high) = out.split_at_mut(16);
    for ((byte, low), high) in packed.iter().zip(low).zip(high) {
        *low = d * f32::from((byte & 15).cast_signed() - 8);
        *high = d * f32::from((byte >> 4).cast_signed() - 8);
    }
}

#[inline(always)]
pub(super) fn q4_1(block: &[u8; 20], out: &mut [f32; 32]) {
    let [d0, d1, m0, m1, packed @ ..] = block;
    let (d, m) = (scale(*d0, *d1), scale(*m0, *m1));
    let (low, high) = out.split_at_mut(16);
    for ((byte, low), high) in packed.iter().zip(low).zip(high) {
        *low = d * f32::from(byte & 15) + m;
        *high = d * f32::from(byte >> 4) + m;
    }
}

/// d = the value of largest magnitude / −8, q = ⌊x/d + 8.5⌋ capped at 15.
pub(super) fn to_q4_0(values: &[f32; 32], out: &mut Vec<u8>) {
    let largest =
        values.iter().copied().fold(0.0, |best: f32, v| if v.abs() > best.abs() { v } else { best });
    let d = largest / -8.0;
    let inverse = inverse(d);
    out.extend(super::dense::to_f16(d));
    pack(values, out, |v| v * inverse + 8.5);
}

/// m = min, d = (max − min)/15, q = ⌊(x − m)/d + 0.5⌋ capped at 15.
pub(super) fn to_q4_1(values: &[f32; 32], out: &mut Vec<u8>) {
    let min = values.iter().copied().fold(f32::INFINITY, f32::min);
    let max = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let d = (max - min) / 15.0;
    let inverse = inverse(d);
    out.extend(super::dense::to_f16(d));
    out.extend(super::dense::to_f16(min));
    pack(values, out, |v| (v - min) * inverse + 0.5);
}

pub(super) fn inverse(d: f32) -> f32 {
    if d == 0.0 { 0.0 } else { 1.0 / d }
}

fn pack(values: &[f32; 32], out: &mut Vec<u8>, level: impl Fn(f32) -> f32) {
    let quantized = values.map(|v| (level(v) as u8).min(15));
    let (low, high) = quantized.split_at(16);
    out.extend(low.iter().zip(high).map(|(low, high)| low | (high << 4)));
}
