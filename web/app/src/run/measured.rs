//! What a run's numbers and texts say of it.

use super::Run;
use smolder_protocol::train::{Sample, StepReport};

/// Steps over which speed is averaged.
const RECENT: usize = 20;
/// Steps whose mean stands for the beginning, or the end, of a run.
const FIRST_STEPS: usize = 5;

impl Run {
    /// Steps that are done.
    pub(crate) fn step_done(&self) -> u64 {
        let planned = self.plan.as_ref().map_or(0, |plan| plan.done);
        self.steps.last().map_or(planned, |report| report.step)
    }

    /// How much of it is done, from 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        let steps = self.plan.as_ref().map_or(0, |plan| plan.steps);
        if steps == 0 { 0.0 } else { (self.step_done() as f64 / steps as f64).min(1.0) }
    }

    /// Seconds that are left, from the speed of the last steps; before the first, what was planned.
    pub(crate) fn remaining_secs(&self) -> Option<f64> {
        let plan = self.plan.as_ref()?;
        let left = plan.steps.saturating_sub(self.step_done()) as f64;
        match self.step_secs() {
            Some(secs) => Some(secs * left),
            None => plan.duration_secs,
        }
    }

    /// What a step takes: the mean over the last ones.
    fn step_secs(&self) -> Option<f64> {
        let recent = &self.steps[self.steps.len().saturating_sub(RECENT + 1)..];
        let secs: Vec<f64> = recent.windows(2).filter_map(|pair| duration(&pair[0], &pair[1])).collect();
        (!secs.is_empty()).then(|| secs.iter().sum::<f64>() / secs.len() as f64)
    }

    /// The mean loss of the first steps and of the last, where it fell. `None` where it did not, or too little was done.
    pub(crate) fn fallen(&self) -> Option<(f32, f32)> {
        let ends = (self.steps.len() / 4).clamp(1, FIRST_STEPS);
        let mean =
            |steps: &[StepReport]| steps.iter().map(|step| step.loss).sum::<f32>() / steps.len() as f32;
        let first = mean(self.steps.get(..ends)?);
        let last = mean(self.steps.get(self.steps.len() - ends..)?);
        (self.steps.len() > 1 && last < first).then_some((first, last))
    }

    /// The last samples of each prompt: what it was at the start, and what it is now.
    pub(crate) fn before_and_after(&self) -> Vec<(&Sample, Option<&Sample>)> {
        let is_first = |(index, sample): &(usize, &Sample)| {
            self.samples[..*index].iter().all(|before| before.prompt != sample.prompt)
        };
        let firsts = self.samples.iter().enumerate().filter(is_first).map(|(_, sample)| sample);
        let last = |first: &Sample| {
            let newest = self.samples.iter().rev().find(|sample| sample.prompt == first.prompt);
            newest.filter(|newest| newest.step > first.step)
        };
        firsts.map(|first| (first, last(first))).collect()
    }
}

/// What the second of two neighbours took.
fn duration(before: &StepReport, step: &StepReport) -> Option<f64> {
    let tokens = step.tokens.checked_sub(before.tokens)? as f64;
    Some(tokens / step.tokens_per_s).filter(|secs| secs.is_finite())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{plan, run_after, step};
    use super::*;
    use smolder_protocol::train::TrainEvent;

    #[test]
    fn time_left_is_planned_first_and_measured_then() {
        let started = run_after([TrainEvent::Started(plan(10))]);
        assert_eq!((started.remaining_secs(), started.share()), (Some(7.0), 0.0));
        let steps = (1..=4).map(|number| TrainEvent::Stepped(step(number)));
        let run = run_after(std::iter::once(TrainEvent::Started(plan(10))).chain(steps));
        assert_eq!((run.step_done(), run.share()), (4, 0.4));
        assert_eq!(run.remaining_secs(), Some(3.0));
    }

    #[test]
    fn a_loss_that_did_not_fall_is_not_said_to_have() {
        let with = |losses: &[f32]| {
            let numbered = losses.iter().zip(1..);
            run_after(
                numbered
                    .map(|(loss, number)| TrainEvent::Stepped(StepReport { loss: *loss, ..step(number) })),
            )
        };
        assert_eq!(with(&[]).fallen(), None);
        assert_eq!(with(&[1.0]).fallen(), None);
        assert_eq!(with(&[1.0, 2.0]).fallen(), None);
        assert_eq!(with(&[3.0, 9.0, 2.0]).fallen(), Some((3.0, 2.0)));
        assert_eq!(with(&[4.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]).fallen(), Some((3.0, 0.5)));
    }

    #[test]
    fn samples_are_compared_with_what_they_were() {
        let sample = |step, prompt: &str, text: &str| {
            TrainEvent::Sampled(Sample { step, prompt: prompt.into(), text: text.into() })
        };
        let run = run_after([
            sample(0, "a", "old a"),
            sample(0, "b", "old b"),
            sample(5, "a", "newer a"),
            sample(9, "a", "new a"),
        ]);
        let texts: Vec<_> =
            run.before_and_after().iter().map(|(old, new)| (&*old.text, new.map(|new| &*new.text))).collect();
        assert_eq!(texts, [("old a", Some("new a")), ("old b", None)]);
    }
}
