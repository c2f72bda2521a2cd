//! An exponential from operations that IEEE 754 rounds alike everywhere: `f64::exp` differs between platforms, and with
//! it the token that a seed draws.

/// eˣ for x ≤ 0, to 12 digits.
///
/// eˣ = 2⁻ⁿ·eʳ with n the integer next to -x / ln 2; eʳ by its series to r¹⁰ / 10!, as |r| ≤ ln 2 / 2.
pub fn exp(x: f64) -> f64 {
    const LN_2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];
    // Below are numbers that are no longer exact, and weights that no draw would meet.
    if x < -708.0 {
        return 0.0;
    }
    let n = (0.5 - x * std::f64::consts::LOG2_E) as u64;
    let r = x + n as f64 * LN_2[0] + n as f64 * LN_2[1];
    let inverse_factorials = [
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    let series = inverse_factorials.into_iter().fold(0.0, |sum, factor| sum * r + factor);
    series * f64::from_bits((1023 - n) << 52)
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "these values are promised exactly")]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_exact_to_12_digits_and_ends_at_0() {
        for step in 0..70_000 {
            let x = f64::from(-step) / 100.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-12, "{x}");
        }
        assert_eq!(exp(0.0), 1.0, "the likeliest token's weight is 1, or min-p 1 would keep none");
        assert_eq!([exp(-709.0), exp(-1e300), exp(f64::NEG_INFINITY)], [0.0; 3]);
    }
}
