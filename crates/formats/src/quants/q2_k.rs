//! `Q2_K`: 16 bytes of scale (low nibble) and minimum (high nibble), 64 bytes of 2-bit levels, `d`, `dmin`;
//! x = (d·scale)·q − dmin·min, sixteen elements a scale.
//!
//! Of each 32 bytes, shift 0 holds elements 0 to 31, shift 2 elements 32 to 63, and so on.

use super::scale;

#[inline(always)]
pub(super) fn q2_k(block: &[u8; 84], out: &mut [f32; 256]) {
    let [scales @ .., d0, d1, m0, m1] = block;
    let (d, dmin) = (scale(*d0, *d1), scale(*m0, *m1));
    let (scales, levels) = scales.split_at(16);
    for (group, (out, packed)) in out.chunks_mut(16).zip(scales).enumerate() {
        let (step, least) = (d * f32::from(packed & 15), dmin * f32::from(packed >> 4));
        let shift = (group / 2 % 4) * 2;
        let from = group / 8 * 32 + group % 2 * 16;
        for (out, byte) in out.iter_mut().zip(levels.iter().skip(from)) {
            *out = step * f32::from((byte >> shift) & 3) - least;
        }
    }
}
