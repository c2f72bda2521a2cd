//! The frequencies that [`rope`](crate::rope) turns by, with what stretches them for longer contexts.

use std::f64::consts::TAU;

/// How a model stretches its frequencies beyond the context that it was first trained with.
#[derive(Clone, Debug, PartialEq)]
pub enum Scaling {
    /// As in the paper.
    None,
    /// Every frequency divided by `factor` (transformers' `linear`).
    Linear {
        /// How many times longer the context became.
        factor: f32,
    },
    /// Low frequencies divided by `factor`, high ones kept, those between blended (transformers' `llama3`).
    Llama3 {
        /// What low frequencies are divided by.
        factor: f32,
        /// Below this many turns within the original context a frequency is low.
        low: f32,
        /// Above this many turns within the original context a frequency is high.
        high: f32,
        /// The original context in tokens.
        original_context: u32,
    },
    /// Low frequencies divided by `factor`, high ones kept, those between blended by their place (`YaRN`, Peng et al.
    /// 2023, arXiv 2309.00071; transformers' `yarn`).
    Yarn {
        /// What low frequencies are divided by.
        factor: f32,
        /// The original context in tokens.
        original_context: u32,
        /// Pairs that turn this often within the original context are the last that are kept.
        fast: f32,
        /// Pairs that turn this often within the original context are the first that are divided.
        slow: f32,
        /// What turned numbers are multiplied with.
        amplitude: f32,
    },
    /// A divisor for each frequency, as in GGUF's `rope_freqs.weight`.
    Factors(Vec<f32>),
}

impl Scaling {
    /// What turned numbers are multiplied with.
    pub fn amplitude(&self) -> f32 {
        match self {
            Self::Yarn { amplitude, .. } => *amplitude,
            _ => 1.0,
        }
    }
}

/// `frequency[i] = base^(−2i / rotary)`, stretched as `scaling` says, in radians a position. `rotary / 2` numbers,
/// computed in f64.
///
/// # Panics
/// When [`Scaling::Factors`] does not hold `rotary / 2` numbers.
pub fn rope_frequencies(base: f32, rotary: usize, scaling: &Scaling) -> Vec<f32> {
    if let Scaling::Factors(factors) = scaling {
        assert_eq!(factors.len(), rotary / 2, "rope_frequencies: one factor for each pair");
    }
    let (base, rotary) = (f64::from(base), rotary as f64);
    let frequency = |pair: usize| base.powf(-2.0 * pair as f64 / rotary);
    let stretched = |pair| stretched(frequency(pair), pair, (base, rotary), scaling) as f32;
    (0..rotary as usize / 2).map(stretched).collect()
}

fn stretched(frequency: f64, pair: usize, (base, rotary): (f64, f64), scaling: &Scaling) -> f64 {
    match scaling {
        Scaling::None => frequency,
        Scaling::Linear { factor } => frequency / f64::from(*factor),
        Scaling::Factors(factors) => frequency / f64::from(factors[pair]),
        Scaling::Llama3 { factor, low, high, original_context } => {
            let turns = f64::from(*original_context) * frequency / TAU;
            let (low, high) = (f64::from(*low), f64::from(*high));
            let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
            frequency * (kept + (1.0 - kept) / f64::from(*factor))
        }
        Scaling::Yarn { factor, original_context, fast, slow, .. } => {
            let place = |turns: f32| {
                let longest = f64::from(*original_context) / (TAU * f64::from(turns));
                rotary * longest.ln() / (2.0 * base.ln())
            };
            let first = place(*fast).floor().max(0.0);
            let last = place(*slow).ceil().min(rotary - 1.0);
            let width = if first < last || last < first { last - first } else { 1e-3 };
            let divided = ((pair as f64 - first) / width).clamp(0.0, 1.0);
            frequency * (1.0 - divided + divided / f64::from(*factor))
        }
    }
}

/// Expected numbers are those of transformers 5 (`ROPE_INIT_FUNCTIONS`, f32).
#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(found: f32, expected: f32) {
        assert!((found / expected - 1.0).abs() < 3e-7, "found {found}, expected {expected}");
    }

    #[test]
    fn unscaled() {
        let expected = [1.0, 0.158_489_32, 0.025_118_863, 0.003_981_070_6, 0.000_630_957_3];
        let found = rope_frequencies(10_000.0, 10, &Scaling::None);
        assert_eq!(found.len(), 5);
        found.into_iter().zip(expected).for_each(|(found, expected)| assert_near(found, expected));
    }

    #[test]
    fn linear() {
        let expected = [0.125, 0.003_952_847_3, 0.000_125, 3.952_847e-6];
        let found = rope_frequencies(1e6, 8, &Scaling::Linear { factor: 8.0 });
        found.into_iter().zip(expected).for_each(|(found, expected)| assert_near(found, expected));
    }

    /// Llama-3.2-1B: pairs 15 to 17 lie between the low and the high frequencies.
    #[test]
    fn llama3() {
        let scaling = Scaling::Llama3 { factor: 32.0, low: 1.0, high: 4.0, original_context: 8192 };
        let found = rope_frequencies(500_000.0, 64, &scaling);
        let expected = [
            (0, 1.0),
            (1, 0.663_601_3),
            (14, 0.003_211_446),
            (15, 0.001_290_548),
            (16, 0.000_429_556_7),
            (17, 9.708_286e-5),
            (18, 1.946_163_9e-5),
            (31, 9.418_306_5e-8),
        ];
        assert_eq!(found.len(), 32);
        for (pair, expected) in expected {
            assert_near(found[pair], expected);
        }
    }

    /// Qwen2.5 with the context that its makers stretch it to: pairs 23 to 39 lie between.
    #[test]
    fn yarn() {
        let scaling =
            Scaling::Yarn { factor: 4.0, original_context: 32_768, fast: 32.0, slow: 1.0, amplitude: 1.0 };
        let found = rope_frequencies(1e6, 128, &scaling);
        let expected = [
            (0, 1.0),
            (1, 0.805_842_2),
            (22, 0.008_659_643),
            (23, 0.006_978_306),
            (24, 0.005_375_321_5),
            (30, 0.001_064_361),
            (38, 9.262_301e-5),
            (39, 6.490_394e-5),
            (40, 4.445_698_5e-5),
            (63, 3.102_344_4e-7),
        ];
        assert_eq!(found.len(), 64);
        for (pair, expected) in expected {
            assert_near(found[pair], expected);
        }
    }

    #[test]
    fn factors_divide() {
        let found = rope_frequencies(100.0, 4, &Scaling::Factors(vec![1.0, 8.0]));
        assert_eq!(found, [1.0, 0.0125]);
    }
}
