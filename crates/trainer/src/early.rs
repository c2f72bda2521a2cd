//! Early stopping, and which evaluation was the best.

use serde::{Deserialize, Serialize};
use smolder_protocol::train::Best;

/// The evaluations so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluations {
    /// The one with the lowest loss.
    pub best: Option<Best>,
    /// Evaluations since that one.
    pub worse: u32,
    /// Whether one was broken off: it is due before the next step.
    #[serde(default)]
    pub owed: bool,
}

/// What follows from an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Its loss is the lowest so far.
    pub best: bool,
    /// Training should stop.
    pub stop: bool,
}

impl Evaluations {
    /// Takes in the mean loss after `step` steps. The `patience`th evaluation without a lower one stops training; a
    /// loss that is not finite is never the lowest.
    pub fn add(&mut self, step: u64, loss: f32, patience: Option<u32>) -> Judgement {
        let best = loss.is_finite() && self.best.is_none_or(|best| loss < best.loss);
        if best {
            (self.best, self.worse) = (Some(Best { step, loss }), 0);
        } else {
            self.worse += 1;
        }
        self.owed = false;
        Judgement { best, stop: self.are_over(patience) }
    }

    /// Whether as many evaluations as patience allows were no better, also before a run went on.
    pub fn are_over(&self, patience: Option<u32>) -> bool {
        patience.is_some_and(|patience| self.worse >= patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A letter an evaluation: b(est), w(orse), s(top).
    fn judged(losses: &[f32], patience: Option<u32>) -> String {
        let mut evaluations = Evaluations::default();
        let judge = |(step, loss): (usize, &f32)| match evaluations.add(step as u64, *loss, patience) {
            Judgement { best: true, stop: false } => 'b',
            Judgement { best: false, stop: false } => 'w',
            Judgement { best: false, stop: true } => 's',
            Judgement { best: true, stop: true } => '!',
        };
        losses.iter().enumerate().map(judge).collect()
    }

    #[test]
    fn the_lowest_loss_is_the_best_and_patience_counts_from_it() {
        let cases: [(&[f32], Option<u32>, &str); 8] = [
            (&[3.0, 2.0, 1.0], Some(1), "bbb"),
            (&[3.0, 3.0], Some(1), "bs"),
            (&[3.0, 3.1, 2.9, 3.0, 2.95], Some(2), "bwbws"),
            (&[3.0, 4.0, 4.0, 4.0], None, "bwww"),
            (&[f32::NAN, f32::NAN], Some(2), "ws"),
            (&[2.0, f32::NAN, f32::INFINITY], Some(2), "bws"),
            (&[2.0, f32::NAN, 1.0], Some(2), "bwb"),
            (&[2.0, f32::NEG_INFINITY], Some(1), "bs"),
        ];
        for (losses, patience, expected) in cases {
            assert_eq!(judged(losses, patience), expected, "{losses:?} {patience:?}");
        }
    }

    #[test]
    fn the_best_is_remembered_across_a_checkpoint() {
        let mut evaluations = Evaluations::default();
        evaluations.add(10, 1.234_567_9, None);
        evaluations.add(20, 2.0, None);
        let text = serde_json::to_string(&evaluations).unwrap();
        let mut resumed: Evaluations = serde_json::from_str(&text).unwrap();
        assert_eq!(resumed, evaluations);
        assert_eq!(resumed.best, Some(Best { step: 10, loss: 1.234_567_9 }));
        let judgement = resumed.add(30, 1.234_567_9, Some(2));
        assert_eq!(judgement, Judgement { best: false, stop: true }, "an equal loss is no better");
    }
}
