//! `Q8_0`: `d`, 32 signed bytes; x = q·d.

use super::q4::inverse;
use super::scale;

#[inline(always)]
pub(super) fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) {
    let [low, high, levels @ ..] = block;
    let d = scale(*low, *high);
    for (out, q) in out.iter_mut().zip(levels) {
        *out = f32::from(q.cast_signed()) * d;
    }
}

/// d = the largest magnitude / 127, q = x/d rounded half away from zero.
pub(super) fn to_q8_0(values: &[f32; 32], out: &mut Vec<u8>) {
    let d = values.iter().copied().fold(0.0, |best: f32, v| best.max(v.abs())) / 127.0;
    let inverse = inverse(d);
    out.extend(super::dense::to_f16(d));
    out.extend(values.map(|v| ((v * inverse).round() as i8).cast_unsigned()));
}
