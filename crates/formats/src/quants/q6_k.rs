//! `Q6_K`: 128 bytes of low nibbles, 64 bytes of 2-bit high parts, 16 signed scales, `d`;
//! x = (d·scale)·(q − 32), sixteen elements a scale.

use super::scale;

#[inline(always)]
pub(super) fn q6_k(block: &[u8; 210], out: &mut [f32; 256]) {
    let [rest @ .., d0, d1] = block;
    let d = scale(*d0, *d1);
    let (low, rest) = rest.split_at(128);
    let (high, scales) = rest.split_at(64);
    for (group, (out, step)) in out.chunks_mut(16).zip(scales).enumerate() {
        let step = d * f32::from(step.cast_signed());
        // Eight runs of 32 elements; in each half of four, runs 0 and 1 share their bytes with runs 2 and 3.
        let (half, run, side) = (group / 8, group / 2 % 4, group % 2 * 16);
        let low = low.iter().skip(half * 64 + run % 2 * 32 + side);
        let high = high.iter().skip(half * 32 + side);
        for (out, (low, high)) in out.iter_mut().zip(low.zip(high)) {
            let nibble = (low >> (run / 2 * 4)) & 15;
            let bits = (high >> (run * 2)) & 3;
            *out = step * f32::from((nibble | (bits << 4)).cast_signed() - 32);
        }
    }
}
