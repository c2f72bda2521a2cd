//! `PiSSA`: a LoRA that begins as the largest singular values and vectors of a weight, which it takes from the base:
//! `B = U_r·√(S_r/s)`, `A = √(S_r/s)·V_rᵀ` (Meng et al. 2024, arXiv 2404.02948).
//!
//! They are found by multiplying random vectors with W and Wᵀ in turn (Halko et al. 2011, arXiv 0909.4061): what is left
//! of other vectors shrinks with each round by the square of how much smaller their singular values are.

use super::factoring::{Weight, dot, eigen, orthonormal, transposed};
use super::random::uniform;
use super::taken::{self, Factors};
use super::{Fresh, Method};
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use smolder_formats::Result;
use smolder_formats::adapter::PeftAdapter;

const SWITCH: &str = "smolder_pissa";
/// Vectors beyond the rank at least, and rounds: PEFT's own quick way takes no more of the first and 16 of the second.
const BEYOND: usize = 16;
const ROUNDS: usize = 16;

pub(super) const METHOD: Method = Method {
    name: "pissa",
    about: "a LoRA that takes what is strongest in each weight out of it to learn that: quicker than from zero",
    fresh: |fresh| self::fresh(fresh).boxed_local(),
    ..taken::method(SWITCH)
};

async fn fresh(fresh: Fresh<'_>) -> Result<PeftAdapter> {
    let mut random = ChaCha8Rng::seed_from_u64(fresh.seed);
    let take = async |weight: Weight<'_>, rank: usize, scale: f64| {
        let [outputs, inputs] = weight.shape();
        let count = (rank + rank.max(BEYOND)).min(outputs.min(inputs));
        let begin = (0..count * inputs).map(|_| uniform(&mut random)).collect();
        factors(&weight, begin, rank, scale).await
    };
    taken::fresh(fresh, SWITCH, take).await
}

async fn factors(weight: &Weight<'_>, begin: Vec<f32>, rank: usize, scale: f64) -> Result<Factors> {
    let ([outputs, inputs], mut right) = (weight.shape(), begin);
    let mut left = Vec::new();
    for _ in 0..ROUNDS {
        orthonormal(&mut right, inputs);
        left = weight.forth(&right).await?;
        orthonormal(&mut left, outputs);
        right = weight.back(&left).await?;
    }
    // W is now nearly leftᵀ·right: its singular values and vectors are those of the few rows of `right`.
    let rows = || right.chunks(inputs);
    let squares = rows().flat_map(|row| rows().map(move |other| dot(row, other))).collect();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for (square, vector) in eigen(squares, right.len() / inputs).into_iter().take(rank) {
        let value = square.max(0.0).sqrt();
        let share = if value > 0.0 { (scale * value).sqrt().recip() } else { 0.0 };
        a.extend(combined(&right, &vector, inputs, share));
        b.extend(combined(&left, &vector, outputs, (value / scale).sqrt()));
    }
    Ok([a, transposed(&b, outputs)])
}

/// `factor` times the sum of rows of `len` numbers, each multiplied with its number in `by`.
fn combined(rows: &[f32], by: &[f64], len: usize, factor: f64) -> Vec<f32> {
    let mut sum = vec![0.0; len];
    for (row, by) in rows.chunks(len).zip(by) {
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += by * f64::from(*x));
    }
    sum.into_iter().map(|sum| (factor * sum) as f32).collect()
}
