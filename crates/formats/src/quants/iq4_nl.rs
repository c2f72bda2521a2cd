//! `IQ4_NL`: `d`, 16 bytes of nibbles that look up a fixed, uneven scale; x = d·LEVELS[q].

use super::q4::nibbles;
use super::scale;

const LEVELS: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

#[inline(always)]
pub(super) fn iq4_nl(block: &[u8; 18], out: &mut [f32; 32]) {
    let [low, high, packed @ ..] = block;
    let d = scale(*low, *high);
    for (out, q) in out.iter_mut().zip(nibbles(packed)) {
        *out = d * f32::from(LEVELS[usize::from(q & 15)]);
    }
}
