//! What to do about losses and gradients that are not finite.

use serde::{Deserialize, Serialize};
use smolder_protocol::train::{NotFinite, Warning};

/// Skipped steps in a row that lead back to a checkpoint: one may be a bad row, three are bad weights.
const SKIPS: u32 = 3;
/// Returns to one checkpoint after which training ends.
const RETURNS: u32 = 3;

/// What to do after a step's backward pass, before its update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Update.
    Continue,
    /// Leave weights and moments as they are, and go on with the next step.
    Skip,
    /// Take weights and moments of the newest checkpoint beyond doubt, and go on with the next step: the data must not go back, or
    /// the same rows would lead to the same numbers.
    RollBack,
    /// End the run; the checkpoints are as they were.
    Stop,
}

/// Counts what was not finite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// Steps that were skipped, in all.
    pub skipped: u64,
    /// Returns to a checkpoint, in all.
    pub rolled_back: u64,
    in_a_row: u32,
    /// Since the newest checkpoint beyond doubt was written.
    returns: u32,
}

impl Watch {
    /// Judges a step by its loss and its gradient's norm.
    pub fn judge(&mut self, step: u64, loss: f32, grad_norm: f32) -> (Action, Option<Warning>) {
        let cause = match (loss.is_finite(), grad_norm.is_finite()) {
            (true, true) => {
                self.in_a_row = 0;
                return (Action::Continue, None);
            }
            (false, _) => NotFinite::Loss,
            (true, false) => NotFinite::Gradient,
        };
        self.skipped += 1;
        self.in_a_row += 1;
        let skipped = Some(Warning::StepSkipped { step, cause, in_a_row: self.in_a_row });
        if self.in_a_row < SKIPS {
            return (Action::Skip, skipped);
        }
        if self.returns == RETURNS {
            return (Action::Stop, skipped);
        }
        self.in_a_row = 0;
        self.returns += 1;
        self.rolled_back += 1;
        (Action::RollBack, skipped)
    }

    /// Whether the last step was skipped: weights of which nobody knows yet whether they are any good.
    pub fn doubts(&self) -> bool {
        self.in_a_row > 0
    }

    /// Weights have come far enough for a checkpoint; to be called before it is written.
    pub fn progressed(&mut self) {
        self.returns = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `.` is a finite step, `x` one that is not, `c` a checkpoint; in the answer `s`kip, `r`oll back, `!` stop.
    fn judged(steps: &str) -> String {
        let mut watch = Watch::default();
        let mut answers = String::new();
        for (step, sign) in (1..).zip(steps.chars()) {
            if sign == 'c' {
                watch.progressed();
                continue;
            }
            let loss = if sign == 'x' { f32::NAN } else { 2.0 };
            answers.push(match watch.judge(step, loss, 1.0).0 {
                Action::Continue => '.',
                Action::Skip => 's',
                Action::RollBack => 'r',
                Action::Stop => '!',
            });
        }
        answers
    }

    #[test]
    fn skips_then_returns_then_gives_up() {
        let cases = [
            ("...", "..."),
            (".x.x.x.x", ".s.s.s.s"),
            (".xx.xx.", ".ss.ss."),
            (".xxx.", ".ssr."),
            ("xxxxxxxxxxxx", "ssrssrssrss!"),
            // A finite step alone is no progress: the weights are still those of the same checkpoint.
            ("xxx.xxx.xxx.xxx", "ssr.ssr.ssr.ss!"),
            ("xxx.cxxx.cxxx.cxxx", "ssr.ssr.ssr.ssr"),
        ];
        for (steps, expected) in cases {
            assert_eq!(judged(steps), expected, "{steps}");
        }
    }

    #[test]
    fn warnings_say_what_was_not_finite() {
        let mut watch = Watch::default();
        let (nan, inf) = (f32::NAN, f32::INFINITY);
        assert_eq!(watch.judge(4, 1.0, 1.0), (Action::Continue, None));
        let skipped = |step, cause, in_a_row| Some(Warning::StepSkipped { step, cause, in_a_row });
        assert_eq!(watch.judge(5, 1.0, inf).1, skipped(5, NotFinite::Gradient, 1));
        assert!(watch.doubts());
        assert_eq!(watch.judge(6, nan, nan).1, skipped(6, NotFinite::Loss, 2));
        assert_eq!(watch.judge(7, inf, 1.0), (Action::RollBack, skipped(7, NotFinite::Loss, 3)));
        assert!(!watch.doubts(), "the checkpoint's weights are as they were");
        assert_eq!((watch.skipped, watch.rolled_back), (3, 1));
    }
}
