//! `IQ4_NL`: `d`, 16 bytes of nibbles that look up a fixed, uneven scale; x = d·LEVELS[q].

use super::scale;

const LEVELS: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

#[inline(always)]
pub(super) fn iq4_nl(block: &[u8; 18], out: &mut [f32; 32]) {
    let [d0, d1, packed @ ..] = block;
    let d = scale(*d0, *d1);
    let (low, high) = out.split_at_mut(16);
    for ((byte, low), high) in packed.iter().zip(low).zip(high) {
        *low = d * f32::from(LEVELS[usize::from(byte & 15)]);
        *high = d * f32::from(LEVELS[usize::from(byte >> 4)]);
    }
}
