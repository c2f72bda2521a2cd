//! `Q3_K`: 32 bytes of high bits, 64 bytes of 2-bit levels, 12 bytes of 6-bit scales, `d`;
//! x = (d·(scale − 32))·(q − 4 where the high bit is clear), sixteen elements a scale.

use super::scale;

/// Sixteen 6-bit scales: low nibbles in bytes 0 to 7, the two high bits of each in bytes 8 to 11.
#[inline(always)]
fn scales(packed: &[u8; 12]) -> [f32; 16] {
    let [low @ .., h0, h1, h2, h3] = packed;
    let high = u32::from_le_bytes([*h0, *h1, *h2, *h3]);
    let mut out = [0.0; 16];
    for (i, (out, byte)) in out.iter_mut().zip(low.iter().cycle()).enumerate() {
        let nibble = if i < 8 { byte & 15 } else { byte >> 4 };
        let bits = (high >> (i % 4 * 8 + i / 4 * 2)) as u8 & 3;
        *out = f32::from((nibble | (bits << 4)).cast_signed() - 32);
    }
    out
}

#[inline(always)]
pub(super) fn q3_k(block: &[u8; 110], out: &mut [f32; 256]) {
    let [rest @ .., d0, d1] = block;
    let d = scale(*d0, *d1);
    let (high, rest) = rest.split_at(32);
    let (levels, packed) = rest.split_at(64);
    let steps = packed.first_chunk().map_or([0.0; 16], scales);
    for (group, (out, step)) in out.chunks_mut(16).zip(steps).enumerate() {
        let step = d * step;
        let half = group % 2 * 16;
        let low = levels.iter().skip(group / 8 * 32 + half);
        for (out, (byte, high)) in out.iter_mut().zip(low.zip(high.iter().skip(half))) {
            let level = ((byte >> (group / 2 % 4 * 2)) & 3).cast_signed();
            let clear = (!(high >> (group / 2)) & 1).cast_signed();
            *out = step * f32::from(level - clear * 4);
        }
    }
}
