//! From a position's logits to the next token.

use crate::exp::exp;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// How the next token is chosen. The default is greedy: the likeliest token.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// Divides the logits; 0 takes the likeliest token, the lowest id among equals.
    pub temperature: f32,
    /// Only the `top_k` likeliest tokens and those equal to the last of them; 0 for all.
    pub top_k: usize,
    /// Only the likeliest tokens that have this share of the probability between them; 1 for all.
    pub top_p: f32,
    /// Only tokens with at least this share of the likeliest one's probability; 0 for all.
    pub min_p: f32,
    /// Divides positive logits of tokens that were there before, and multiplies negative ones; 1 for none.
    pub repetition_penalty: f32,
    /// How far back tokens count as repeated; `None` for the whole history.
    pub repetition_window: Option<usize>,
    /// The same seed gives the same tokens, on every platform.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            repetition_window: None,
            seed: 0,
        }
    }
}

/// Why no token can be chosen.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SamplingError {
    /// A setting outside its range.
    #[error("{setting}: expected {expected}, found {found}")]
    Setting {
        /// The field of [`Sampling`].
        setting: &'static str,
        /// Its range.
        expected: &'static str,
        /// Its value.
        found: f32,
    },
    /// The model computed something that is no number, or the penalty overflowed.
    #[error("the logit of token {id} is {found}: the model's weights or the device's results are damaged")]
    NotFinite {
        /// The token.
        id: u32,
        /// NaN or infinity.
        found: f32,
    },
    /// No logits, or all of them minus infinity.
    #[error("none of {vocabulary} tokens is possible")]
    NothingPossible {
        /// How many logits there are.
        vocabulary: usize,
    },
    /// A token of the history that has no logit.
    #[error("the history holds token {id}, the model knows {vocabulary}")]
    UnknownToken {
        /// The token.
        id: u32,
        /// How many logits there are.
        vocabulary: usize,
    },
}

/// A token that may be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The token.
    pub id: u32,
    /// Its probability, divided by the likeliest token's.
    pub weight: f64,
}

/// Chooses tokens, one a call; what it needs for that it allocates at the first.
///
/// In the order of transformers' processors: repetition penalty, temperature, top-k, top-p, min-p, then a draw from
/// the softmax of what is left. A token is drawn by 53 bits of `ChaCha8` on the cumulated weights.
#[derive(Debug, Clone)]
pub struct Sampler {
    sampling: Sampling,
    random: ChaCha8Rng,
    candidates: Vec<Candidate>,
    ranked: Vec<f32>,
    seen: Vec<u32>,
}

impl Sampler {
    /// A sampler at the start of its random numbers.
    ///
    /// # Errors
    /// [`SamplingError::Setting`] for a value outside its range.
    pub fn new(sampling: Sampling) -> Result<Self, SamplingError> {
        let Sampling { temperature, top_p, min_p, repetition_penalty, seed, .. } = sampling;
        let settings = [
            ("temperature", temperature, temperature >= 0.0, "0 or more"),
            ("top_p", top_p, (0.0..=1.0).contains(&top_p), "0 to 1"),
            ("min_p", min_p, (0.0..=1.0).contains(&min_p), "0 to 1"),
            (
                "repetition_penalty",
                repetition_penalty,
                (0.01..=100.0).contains(&repetition_penalty),
                "0.01 to 100",
            ),
        ];
        for (setting, found, allowed, expected) in settings {
            if !(allowed && found.is_finite()) {
                return Err(SamplingError::Setting { setting, expected, found });
            }
        }
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let (candidates, ranked, seen) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { sampling, random: ChaCha8Rng::from_seed(key), candidates, ranked, seen })
    }

    /// Draws the token that follows `history`; `logits` [vocabulary] are changed by the penalty.
    ///
    /// # Errors
    /// Those of [`Self::candidates`].
    pub fn next(&mut self, logits: &mut [f32], history: &[u32]) -> Result<u32, SamplingError> {
        self.candidates(logits, history)?;
        if let [only] = self.candidates.as_slice() {
            return Ok(only.id);
        }
        let total: f64 = self.candidates.iter().map(|candidate| candidate.weight).sum();
        let unit = (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let mut left = unit * total;
        for candidate in &self.candidates {
            left -= candidate.weight;
            if left < 0.0 {
                return Ok(candidate.id);
            }
        }
        // Rounding alone leads here.
        let vocabulary = logits.len();
        self.candidates.last().map(|last| last.id).ok_or(SamplingError::NothingPossible { vocabulary })
    }

    /// The tokens that may follow `history`, in no order that is of use; `logits` are changed by the penalty.
    ///
    /// # Errors
    /// For logits that are NaN or infinite, all minus infinity or none, and for unknown tokens in the history.
    pub fn candidates(&mut self, logits: &mut [f32], history: &[u32]) -> Result<&[Candidate], SamplingError> {
        self.penalize(logits, history)?;
        let (best, most) = likeliest(logits)?;
        self.candidates.clear();
        if self.sampling.temperature == 0.0 {
            self.candidates.push(Candidate { id: best, weight: 1.0 });
            return Ok(&self.candidates);
        }
        let floor = self.floor(logits);
        let (most, temperature) = (f64::from(most), f64::from(self.sampling.temperature));
        let ranked = (0..).zip(logits.iter()).filter(|(_, logit)| **logit >= floor);
        let weighed =
            ranked.map(|(id, logit)| Candidate { id, weight: exp((f64::from(*logit) - most) / temperature) });
        self.candidates.extend(weighed.filter(|candidate| candidate.weight > 0.0));
        self.keep_top_p();
        let min_p = f64::from(self.sampling.min_p);
        self.candidates.retain(|candidate| candidate.weight >= min_p);
        Ok(&self.candidates)
    }

    #[allow(clippy::float_cmp, reason = "exactly 1 stands for no penalty")]
    fn penalize(&mut self, logits: &mut [f32], history: &[u32]) -> Result<(), SamplingError> {
        let penalty = self.sampling.repetition_penalty;
        let (window, vocabulary) = (self.sampling.repetition_window.unwrap_or(usize::MAX), logits.len());
        if penalty == 1.0 {
            return Ok(());
        }
        self.seen.clear();
        self.seen.extend(history.iter().rev().take(window));
        self.seen.sort_unstable();
        self.seen.dedup();
        for id in &self.seen {
            let logit = logits.get_mut(*id as usize);
            let logit = logit.ok_or(SamplingError::UnknownToken { id: *id, vocabulary })?;
            *logit = if *logit < 0.0 { *logit * penalty } else { *logit / penalty };
        }
        Ok(())
    }

    /// The least of the `top_k` largest logits.
    fn floor(&mut self, logits: &[f32]) -> f32 {
        let top_k = self.sampling.top_k;
        if top_k == 0 || top_k >= logits.len() {
            return f32::NEG_INFINITY;
        }
        self.ranked.clear();
        self.ranked.extend_from_slice(logits);
        *self.ranked.select_nth_unstable_by(top_k - 1, |a, b| b.total_cmp(a)).1
    }

    /// Sorts by weight and keeps a token where those before it have less than `top_p` between them.
    fn keep_top_p(&mut self) {
        let top_p = f64::from(self.sampling.top_p);
        if top_p >= 1.0 {
            return;
        }
        let total: f64 = self.candidates.iter().map(|candidate| candidate.weight).sum();
        // Tokens below this have less than 1 - top_p between all of them, so they need no sorting.
        let least = (1.0 - top_p) * total / self.candidates.len() as f64;
        self.candidates.retain(|candidate| candidate.weight >= least);
        self.candidates.sort_unstable_by(|a, b| b.weight.total_cmp(&a.weight).then(a.id.cmp(&b.id)));
        let mut before = 0.0;
        let kept = self.candidates.iter().take_while(|candidate| {
            let kept = before < top_p * total;
            before += candidate.weight;
            kept
        });
        let kept = kept.count().max(1);
        self.candidates.truncate(kept);
    }
}

/// The token with the largest logit, the lowest id among equals, and that logit.
fn likeliest(logits: &[f32]) -> Result<(u32, f32), SamplingError> {
    let mut best = (0, f32::NEG_INFINITY);
    for (id, &found) in (0..).zip(logits) {
        if found.is_nan() || found == f32::INFINITY {
            return Err(SamplingError::NotFinite { id, found });
        }
        if found > best.1 {
            best = (id, found);
        }
    }
    let possible = best.1 > f32::NEG_INFINITY;
    possible.then_some(best).ok_or(SamplingError::NothingPossible { vocabulary: logits.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_allocated_after_the_first_token() {
        let sampling = Sampling {
            temperature: 1.0,
            top_k: 50,
            top_p: 0.9,
            repetition_penalty: 1.1,
            ..Sampling::default()
        };
        let mut sampler = Sampler::new(sampling).unwrap();
        let logits: Vec<f32> = (0..1000_u32).map(|id| (id * 7919 % 1000) as f32 / 100.0).collect();
        let mut sizes = |history: &[u32]| {
            sampler.next(&mut logits.clone(), history).unwrap();
            [sampler.candidates.capacity(), sampler.ranked.capacity(), sampler.seen.capacity()]
        };
        let first = sizes(&[1; 64]);
        assert!((0..100).all(|id| sizes(&[id; 64]) == first));
    }
}
