//! How much rank is left at which step, and of which k.

use super::Progress;
use serde_json::Value;
use smolder_formats::adapter::AdapterConfig;
use smolder_formats::{Error, Kind, Result};

/// Steps of a config that no run was planned with: its other steps are thousandths.
pub(super) const STEPS: u64 = 1000;

/// The settings of training, under PEFT's names in the config.
///
/// A config's `tinit` and `tfinal` are shares of its `total_step`: a run of another length keeps them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Budget {
    /// Rank that is left on average.
    target: usize,
    /// Shares of a run before the first and behind the last time that rank is taken away.
    shares: [f64; 2],
    every: u64,
    /// How much of the old counts in averages of sensitivities, and of uncertainties.
    pub betas: [f32; 2],
    /// What the loss counts that A and B are not orthonormal.
    pub orthogonality: f32,
}

impl Budget {
    pub fn of(config: &AdapterConfig) -> Result<Self> {
        let number = |key: &str, default: f64, range: std::ops::RangeInclusive<f64>| {
            let value = config.raw.get(key).filter(|value| !value.is_null());
            let Some(value) = value else { return Ok(default) };
            let expected = format!("a number from {} to {}", range.start(), range.end());
            let found = value.as_f64().filter(|number| range.contains(number));
            found.ok_or_else(|| Error::new(Kind::Value, format!("`{key}`"), expected, value))
        };
        let total = number("total_step", STEPS as f64, 1.0..=1e12)?;
        let shares =
            [number("tinit", 0.0, 0.0..=total)? / total, number("tfinal", 0.0, 0.0..=total)? / total];
        if shares.iter().sum::<f64>() >= 1.0 {
            let found = Value::from(shares.iter().sum::<f64>() * total);
            return Err(Error::new(
                Kind::Value,
                "`tinit` and `tfinal`",
                "less than `total_step` together",
                found,
            ));
        }
        Ok(Self {
            target: number("target_r", 8.0, 1.0..=65536.0)? as usize,
            shares,
            every: number("deltaT", 1.0, 1.0..=1e12)? as u64,
            betas: [number("beta1", 0.85, 0.0..=1.0)? as f32, number("beta2", 0.85, 0.0..=1.0)? as f32],
            orthogonality: number("orth_reg_weight", 0.5, 0.0..=1e6)? as f32,
        })
    }

    /// The first step that takes nothing away any more but what was, and the steps before the first that does.
    fn bounds(&self, steps: u64) -> (u64, u64) {
        let [first, last] = self.shares.map(|share| (share * steps as f64).round() as u64);
        let end = steps.saturating_sub(last).max(1);
        (end, first.min(end - 1))
    }

    /// Whether a step is the last that takes rank away.
    pub fn ends(&self, at: Progress) -> bool {
        at.step == self.bounds(at.steps).0
    }

    /// Whether that was before.
    pub fn is_over(&self, at: Progress) -> bool {
        at.step > self.bounds(at.steps).0
    }

    /// Whether a step takes rank away.
    pub fn is_due(&self, at: Progress) -> bool {
        let (end, start) = self.bounds(at.steps);
        at.step == end || (at.step > start && at.step < end && at.step.is_multiple_of(self.every))
    }

    /// For each k of `layers` layers, by its score: 1 where it is left, 0 where it is not. From `total` that there are to
    /// the target, `target + (total − target)·(1 − progress)³`; as in PEFT, of equal scores all go.
    pub fn left(&self, scores: &[f32], layers: usize, at: Progress) -> Vec<f32> {
        let (end, start) = self.bounds(at.steps);
        let rest = 1.0 - at.step.saturating_sub(start) as f64 / (end - start) as f64;
        let (total, target) = (scores.len() as f64, (self.target * layers) as f64);
        let budget = ((total - target) * rest.powi(3) + target) as usize;
        let mut sorted = scores.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        let dropped = scores.len().saturating_sub(budget);
        let threshold = dropped.checked_sub(1).and_then(|last| sorted.get(last)).copied();
        let left = |score: &f32| threshold.is_none_or(|threshold| *score > threshold);
        scores.iter().map(|score| f32::from(u8::from(left(score)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(every: u64) -> Budget {
        let config = serde_json::json!({
            "peft_type": "ADALORA", "target_r": 2, "tinit": 10, "tfinal": 30, "total_step": 100, "deltaT": every,
        });
        Budget::of(&AdapterConfig::from_json(config.to_string().as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn rank_is_taken_away_between_two_shares_of_a_run() {
        let due = |steps: u64, every| {
            (1..=steps)
                .filter(|step| budget(every).is_due(Progress { step: *step, steps }))
                .collect::<Vec<_>>()
        };
        assert_eq!(due(20, 4), [4, 8, 12, 14]);
        assert_eq!(due(10, 1), [2, 3, 4, 5, 6, 7]);
        assert_eq!(due(1, 5), [1]);
        assert!(
            budget(1).ends(Progress { step: 7, steps: 10 })
                && budget(1).is_over(Progress { step: 8, steps: 10 })
        );
    }

    #[test]
    fn least_scores_go_first_and_as_many_as_the_cube_says() {
        let scores: Vec<f32> = (0..12_u8).map(|at| f32::from((at * 5) % 12)).collect();
        let kept = |step| -> Vec<f32> {
            let left = budget(1).left(&scores, 3, Progress { step, steps: 10 });
            let mut kept: Vec<f32> =
                scores.iter().zip(left).filter(|(_, left)| *left > 0.0).map(|(s, _)| *s).collect();
            kept.sort_unstable_by(f32::total_cmp);
            kept
        };
        // 6 + 6·(1 − 3/6)³ = 6.75
        assert_eq!(kept(4), [6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        // 6 + 6·(1 − 1/6)³ = 9.47
        assert_eq!(kept(2), [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        assert_eq!(kept(7), [6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        let few = budget(1).left(&scores[..5], 3, Progress { step: 7, steps: 10 });
        assert_eq!(few, [1.0; 5], "less than the target stays");
    }

    #[test]
    fn a_schedule_without_time_to_take_rank_away_is_refused() {
        let config =
            serde_json::json!({"peft_type": "ADALORA", "tinit": 60, "tfinal": 40, "total_step": 100});
        let config = AdapterConfig::from_json(config.to_string().as_bytes()).unwrap();
        assert_eq!(Budget::of(&config).unwrap_err().kind, Kind::Value);
    }
}
