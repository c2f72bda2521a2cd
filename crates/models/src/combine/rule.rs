//! Numbers of several adapters as one each: task arithmetic (Ilharco et al. 2023, arXiv 2212.04089), TIES (Yadav et al. 2023,
//! arXiv 2306.01708), DARE (Yu et al. 2024, arXiv 2311.03099) and pruning by magnitude.

use crate::peft::random::uniform;
use rand_chacha::ChaCha8Rng;

/// How numbers are mixed; w is an adapter's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `Σ w·x`
    Linear,
    /// The largest numbers of each adapter; of each place the mean of w·x over those that have the sign agreed on.
    Ties,
    /// Numbers left out by chance, the others divided by the share that is kept; `Σ w·x`.
    DareLinear,
    /// Numbers left out like that, then as TIES.
    DareTies,
    /// The largest numbers of each adapter; `Σ w·x`.
    MagnitudePrune,
}

/// How adapters agree on a place's sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// That of the sum.
    Total,
    /// The one that more of them have.
    Frequency,
}

impl Rule {
    /// Whether it leaves numbers out.
    pub(super) fn prunes(self) -> bool {
        self != Self::Linear
    }
}

/// A rule and what it needs.
pub(super) struct Mixing<'a> {
    pub rule: Rule,
    pub density: Option<f64>,
    pub sign: Sign,
    pub random: &'a mut ChaCha8Rng,
}

impl Mixing<'_> {
    /// One of several arrays of one length, each with a weight.
    pub(super) fn mix(&mut self, mut arrays: Vec<Vec<f32>>, weights: &[f32]) -> Vec<f32> {
        let density = self.density.filter(|density| *density < 1.0);
        for array in &mut arrays {
            match (self.rule, density) {
                (Rule::Ties | Rule::MagnitudePrune, Some(density)) => keep_largest(array, density),
                (Rule::DareLinear | Rule::DareTies, Some(density)) => keep_some(array, density, self.random),
                _ => {}
            }
        }
        let agreed = matches!(self.rule, Rule::Ties | Rule::DareTies);
        let count = arrays.first().map_or(0, Vec::len);
        let at = |at: usize| {
            let numbers = arrays.iter().map(|array| array[at]).zip(weights.iter().copied());
            if agreed { self.agreed(numbers) } else { numbers.map(|(x, weight)| weight * x).sum() }
        };
        (0..count).map(at).collect()
    }

    /// The mean of w·x over the numbers of the sign that most have; none agrees with zero.
    fn agreed(&self, numbers: impl Iterator<Item = (f32, f32)> + Clone) -> f32 {
        let each = |x: f32| match self.sign {
            Sign::Total => x,
            Sign::Frequency => sign(x),
        };
        let majority = if numbers.clone().map(|(x, _)| each(x)).sum::<f32>() >= 0.0 { 1.0 } else { -1.0 };
        let with = numbers.filter(|(x, _)| x * majority > 0.0);
        let (sum, count) = with.fold((0.0, 0.0_f32), |(sum, count), (x, w)| (sum + w * x, count + 1.0));
        sum / count.max(1.0)
    }
}

fn sign(x: f32) -> f32 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

/// Makes all but the largest numbers zero.
fn keep_largest(array: &mut [f32], density: f64) {
    let kept = (density * array.len() as f64) as usize;
    let mut order: Vec<usize> = (0..array.len()).collect();
    order.sort_by(|one, other| array[*other].abs().total_cmp(&array[*one].abs()));
    order.iter().skip(kept).for_each(|at| array[*at] = 0.0);
}

/// Makes each number zero but for a chance of `density`, and divides it by that.
fn keep_some(array: &mut [f32], density: f64, random: &mut ChaCha8Rng) {
    for x in array {
        // U(0, 1)
        let drawn = f64::midpoint(f64::from(uniform(random)), 1.0);
        *x = if drawn < density { (f64::from(*x) / density) as f32 } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn chance_leaves_numbers_out_and_their_mean_alone() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut array = vec![2.0; 40_000];
        keep_some(&mut array, 0.3, &mut random);
        let kept = array.iter().filter(|x| **x != 0.0).count() as f64 / 40_000.0;
        // Four standard deviations of the share kept.
        assert!((kept - 0.3).abs() < 4.0 * (0.3 * 0.7 / 40_000.0_f64).sqrt(), "{kept}");
        assert!(array.iter().all(|x| *x == 0.0 || (*x - 2.0 / 0.3).abs() < 1e-5));
        let again = |seed| {
            let mut array = vec![2.0; 100];
            keep_some(&mut array, 0.3, &mut ChaCha8Rng::seed_from_u64(seed));
            array
        };
        assert_eq!(again(1), again(1));
        assert_ne!(again(1), again(2));
    }

    #[test]
    fn signs_are_agreed_on() {
        let mut random = ChaCha8Rng::seed_from_u64(0);
        let mut mix = |sign, arrays: Vec<Vec<f32>>| {
            let mut mixing = Mixing { rule: Rule::Ties, density: Some(1.0), sign, random: &mut random };
            mixing.mix(arrays, &[1.0, 1.0, 0.5])
        };
        let arrays = || vec![vec![3.0, 0.0], vec![-1.0, -2.0], vec![-1.0, 0.0]];
        assert_eq!(mix(Sign::Total, arrays()), [3.0, -2.0]);
        assert_eq!(mix(Sign::Frequency, arrays()), [-0.75, -2.0]);
    }
}
