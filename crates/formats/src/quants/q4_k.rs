//! `Q4_K`: `d`, `dmin`, 12 bytes of 6-bit scales and minimums, 128 bytes of nibbles.
//! `Q5_K`: the same with 32 bytes of high bits before the nibbles.
//! x = (d·scale)·q − dmin·min, thirty-two elements a scale.

use super::scale;

/// Eight 6-bit scales and minimums: the first four in the low bits of bytes 0–3 and 4–7, the last four in the
/// nibbles of bytes 8–11 with their high bits in the top of bytes 0–7.
#[inline(always)]
fn scales(packed: &[u8; 12]) -> [(f32, f32); 8] {
    let [s0, s1, s2, s3, m0, m1, m2, m3, x0, x1, x2, x3] = *packed;
    let early = |s: u8, m: u8| (f32::from(s & 63), f32::from(m & 63));
    let late = |s: u8, m: u8, x: u8| {
        (f32::from((x & 0x0f) | ((s >> 2) & 0x30)), f32::from((x >> 4) | ((m >> 2) & 0x30)))
    };
    [
        early(s0, m0),
        early(s1, m1),
        early(s2, m2),
        early(s3, m3),
        late(s0, m0, x0),
        late(s1, m1, x1),
        late(s2, m2, x2),
        late(s3, m3, x3),
    ]
}

#[inline(always)]
pub(super) fn q4_k(block: &[u8; 144], out: &mut [f32; 256]) {
    let (head, levels) = block.split_at(16);
    dequantize(head, |group, i| levels.get(group / 2 * 32 + i).map_or(0, |b| nibble(*b, group)), out);
}

#[inline(always)]
pub(super) fn q5_k(block: &[u8; 176], out: &mut [f32; 256]) {
    let (head, rest) = block.split_at(16);
    let (high, levels) = rest.split_at(32);
    let level = |group: usize, i: usize| {
        let low = levels.get(group / 2 * 32 + i).map_or(0, |b| nibble(*b, group));
        low | (high.get(i).map_or(0, |b| (b >> group) & 1) << 4)
    };
    dequantize(head, level, out);
}

#[inline(always)]
fn nibble(byte: u8, group: usize) -> u8 {
    if group.is_multiple_of(2) { byte & 15 } else { byte >> 4 }
}

#[inline(always)]
fn dequantize(head: &[u8], level: impl Fn(usize, usize) -> u8, out: &mut [f32; 256]) {
    let Some(([d0, d1, m0, m1], packed)) = head.split_first_chunk() else { return };
    let (d, dmin) = (scale(*d0, *d1), scale(*m0, *m1));
    let steps = packed.first_chunk().map_or([(0.0, 0.0); 8], scales);
    for (group, (out, (step, least))) in out.chunks_mut(32).zip(steps).enumerate() {
        let (step, least) = (d * step, dmin * least);
        for (i, out) in out.iter_mut().enumerate() {
            *out = step * f32::from(level(group, i)) - least;
        }
    }
}
