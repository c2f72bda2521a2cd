//! An exponential from plain arithmetic, which a compiler vectorises: a library's takes one number at a time.

#![allow(clippy::inline_always, reason = "the widest instruction set must reach it")]

use std::f32::consts::LOG2_E;

/// `e^x` to 1e-7 relative, between the smallest and the largest f32.
///
/// `x = n·ln 2 + r`, a polynomial for `e^r` (Moshier's Cephes, expf.c), and `n` added to its exponent.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    /// Adding this leaves an integer in a number's lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x > -87.0 { x } else { -87.0 };
    let x = if x < 88.0 { x } else { 88.0 };
    let rounded = x * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = ((1.987_569_1e-4 * r + 1.398_2e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2;
    let p = ((p * r + 0.166_666_66) * r + 0.5) * (r * r) + r + 1.0;
    f32::from_bits(p.to_bits().wrapping_add(rounded.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn exp_is_exact_to_rounding() {
        let mut x = -87.0_f32;
        while x < 88.0 {
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 1.2e-7, "e^{x}");
            x += 0.0037;
        }
        assert!(exp(-1e30) > 0.0 && exp(1e30).is_finite());
    }
}
