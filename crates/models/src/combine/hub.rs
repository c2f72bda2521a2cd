//! `LoRAHub`'s search for weights: those that make `loss(w) + 0.05·Σ|w|` least, w from -1.5 to 1.5, without a gradient (Huang et
//! al. 2024, arXiv 2307.13269). The paper leaves the search to a library; this one is the (1+1) evolution strategy with
//! Rechenberg's rule: a step that lowers it is kept and lengthens those to come, another shortens them, so that one of five is
//! kept.

use crate::peft::random::normal;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What weights count beside the loss.
const PENALTY: f64 = 0.05;
const MOST: f64 = 1.5;
/// How far the first step goes, and what one that is kept multiplies that with.
const STEP: f64 = 0.5;
const LONGER: f64 = 1.5;

/// The best weights that were tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// One for each adapter.
    pub weights: Vec<f64>,
    /// The loss with them.
    pub loss: f64,
    /// The loss with weights of 0, which come first: the base's.
    pub base: f64,
}

/// Tries `trials` more weights than 0, as `seed` draws them. What is no number is never the best.
///
/// # Errors
/// Those of `loss`.
pub async fn search<E>(
    adapters: usize,
    trials: u32,
    seed: u64,
    mut loss: impl AsyncFnMut(&[f64]) -> Result<f64, E>,
) -> Result<Weights, E> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut best = vec![0.0; adapters];
    let base = loss(&best).await?;
    let (mut found, mut least, mut step) = (base, base, STEP);
    for _ in 0..trials {
        let moved = |weight: &f64| (weight + step * f64::from(normal(&mut random))).clamp(-MOST, MOST);
        let tried: Vec<f64> = best.iter().map(moved).collect();
        let now = loss(&tried).await?;
        let all = now + PENALTY * tried.iter().map(|weight| weight.abs()).sum::<f64>();
        if all < least || (all.is_finite() && !least.is_finite()) {
            (best, found, least) = (tried, now, all);
            step *= LONGER;
        } else {
            step *= LONGER.powf(-0.25);
        }
    }
    Ok(Weights { weights: best, loss: found, base })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn found(trials: u32, loss: impl Fn(&[f64]) -> f64) -> Weights {
        let search = search(3, trials, 7, async |weights: &[f64]| Ok::<_, Infallible>(loss(weights)));
        let Ok(found) = pollster::block_on(search);
        found
    }

    /// `2 + Σ(w − c)²`, least with its penalty where `w = c − 0.025·sign(c)`.
    fn bowl(weights: &[f64]) -> f64 {
        2.0 + weights.iter().zip([0.6, -0.9, 0.0]).map(|(w, c)| (w - c).powi(2)).sum::<f64>()
    }

    #[test]
    fn the_least_is_found_and_weights_cost() {
        let best = found(400, bowl);
        for (weight, expected) in best.weights.iter().zip([0.575, -0.875, 0.0]) {
            assert!((weight - expected).abs() < 0.01, "{best:?}");
        }
        assert!(
            (best.base - bowl(&[0.0; 3])).abs() < 1e-12 && (best.loss - bowl(&best.weights)).abs() < 1e-12
        );
        assert_eq!(best, found(400, bowl), "a seed decides");
    }

    #[test]
    fn few_trials_help_already() {
        let (none, some) = (found(0, bowl), found(40, bowl));
        assert_eq!(none.weights, [0.0; 3]);
        assert!(some.loss < none.loss - 0.5, "{some:?}");
    }

    #[test]
    fn weights_stay_within_their_range_and_what_is_no_number_is_not_taken() {
        let far = found(300, |weights| 30.0 - 9.0 * weights.iter().sum::<f64>());
        assert_eq!(far.weights, [MOST; 3]);
        let broken = |weights: &[f64]| if weights[0] > 0.0 { f64::NAN } else { bowl(weights) };
        let best = found(100, broken);
        assert!(best.weights[0] <= 0.0 && best.loss.is_finite(), "{best:?}");
    }
}
