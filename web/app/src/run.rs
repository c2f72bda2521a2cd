//! A training run as the page knows it. Pure: events in, a new state out.

use smolder_protocol::train::{End, Evaluation, Failure, Plan, Sample, StepReport, TrainEvent, Warning};

/// Steps over which speed is averaged.
const RECENT: usize = 20;
/// Steps whose mean stands for the beginning, or the end, of a run.
const FIRST_STEPS: usize = 5;
/// Entries of the log that are kept; older ones are of no use.
const LOG_ENTRIES: usize = 500;

/// Where a run is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Status {
    /// Nothing was started.
    #[default]
    Idle,
    /// Model and data are being loaded.
    Starting,
    Running,
    /// It rests after the step that is running.
    Pausing,
    Paused,
    /// It ends after the step that is running.
    Stopping,
    Finished(End),
    Failed(Failure),
    /// The trainer's program ended, with these words.
    Crashed(String),
    /// Its tab was closed before its end.
    Left,
}

/// Something worth a line in the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Note {
    Started(Plan),
    Evaluated(Evaluation),
    Warned(Warning),
    Checkpointed { step: u64, best: bool },
    Paused { step: u64 },
    Continued { step: u64 },
    Finished(End),
    Failed(Failure),
    Crashed,
    Recovering,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Since the run was started; `None` for what was said before the page was loaded.
    pub(crate) at_secs: Option<f64>,
    pub(crate) note: Note,
}

/// Everything that was told of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Run {
    pub(crate) status: Status,
    pub(crate) plan: Option<Plan>,
    pub(crate) steps: Vec<StepReport>,
    pub(crate) evaluations: Vec<Evaluation>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) log: Vec<Entry>,
    started_secs: f64,
}

impl Run {
    /// A run that was just asked for.
    pub(crate) fn start(now_secs: f64) -> Self {
        Self { status: Status::Starting, started_secs: now_secs, ..Self::default() }
    }

    /// A run as its record tells it.
    pub(crate) fn replayed(events: Vec<TrainEvent>) -> Self {
        let mut run = Self::default();
        for event in events {
            run.hear(event, 0.0);
        }
        run.log.iter_mut().for_each(|entry| entry.at_secs = None);
        if run.under_way() || run.status == Status::Idle {
            run.status = Status::Left;
        }
        run
    }

    /// The same run, which was just asked to go on.
    pub(crate) fn go_on(self, now_secs: f64) -> Self {
        Self { status: Status::Starting, started_secs: now_secs, ..self }
    }

    /// Whether the trainer is at work on it, or rests in the middle.
    pub(crate) fn under_way(&self) -> bool {
        use Status::{Crashed, Failed, Finished, Idle, Left};
        !matches!(self.status, Idle | Finished(_) | Failed(_) | Crashed(_) | Left)
    }

    /// Whether there is an adapter to try and to share.
    pub(crate) fn has_adapter(&self) -> bool {
        matches!(self.status, Status::Finished(_))
    }

    /// Takes in what the trainer says.
    pub(crate) fn hear(&mut self, event: TrainEvent, now_secs: f64) {
        match event {
            TrainEvent::Started(plan) => {
                self.status = Status::Running;
                self.return_to(plan.done);
                self.plan = Some(plan.clone());
                self.note(Note::Started(plan), now_secs);
            }
            TrainEvent::Stepped(report) => self.step(report),
            TrainEvent::Evaluated(found) => {
                self.evaluations.push(found);
                self.note(Note::Evaluated(found), now_secs);
            }
            TrainEvent::Sampled(sample) => self.samples.push(sample),
            TrainEvent::Warned(warning) => self.warn(warning, now_secs),
            TrainEvent::Checkpointed { step, best } => self.note(Note::Checkpointed { step, best }, now_secs),
            TrainEvent::Paused { step } => {
                self.status = Status::Paused;
                self.note(Note::Paused { step }, now_secs);
            }
            TrainEvent::Finished(end) => {
                self.status = Status::Finished(end);
                self.note(Note::Finished(end), now_secs);
            }
            TrainEvent::Failed(failure) => self.fail(failure, now_secs),
        }
    }

    /// Takes in what the person asked for, before the trainer answers.
    pub(crate) fn ask(&mut self, status: Status, now_secs: f64) {
        if self.status == Status::Paused && status == Status::Running {
            self.note(Note::Continued { step: self.step_done() }, now_secs);
        }
        self.status = status;
    }

    /// The run goes on by itself after a failure.
    pub(crate) fn recover(&mut self, now_secs: f64) {
        self.status = Status::Starting;
        self.note(Note::Recovering, now_secs);
    }

    /// The trainer is gone: a run that was under way is over.
    pub(crate) fn crash(&mut self, reason: &str, now_secs: f64) {
        if self.under_way() {
            self.status = Status::Crashed(reason.to_owned());
            self.note(Note::Crashed, now_secs);
        }
    }

    fn fail(&mut self, failure: Failure, now_secs: f64) {
        self.status = Status::Failed(failure.clone());
        self.note(Note::Failed(failure), now_secs);
    }

    /// A run that goes on from a checkpoint does what came later again.
    fn return_to(&mut self, step: u64) {
        self.steps.retain(|known| known.step <= step);
        self.evaluations.retain(|known| known.step <= step);
        self.samples.retain(|known| known.step <= step);
    }

    /// A run that goes back to a checkpoint does some steps again; the charts show them once.
    fn step(&mut self, report: StepReport) {
        self.steps.truncate(self.steps.partition_point(|known| known.step < report.step));
        self.steps.push(report);
        if self.status == Status::Starting {
            self.status = Status::Running;
        }
    }

    fn warn(&mut self, warning: Warning, now_secs: f64) {
        if let Warning::RolledBack { checkpoint, .. } = warning {
            self.evaluations.retain(|found| found.step <= checkpoint);
        }
        self.note(Note::Warned(warning), now_secs);
    }

    fn note(&mut self, note: Note, now_secs: f64) {
        if self.log.len() == LOG_ENTRIES {
            self.log.remove(0);
        }
        self.log.push(Entry { at_secs: Some((now_secs - self.started_secs).max(0.0)), note });
    }

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
pub(crate) mod tests {
    use super::*;
    use smolder_protocol::train::{EndCause, Memory, NotFinite};

    pub(crate) fn plan(steps: u64) -> Plan {
        Plan {
            done: 0,
            steps,
            lr: 1e-3,
            rows: 10,
            tokens: 100,
            labelled_tokens: 50,
            eval_rows: 0,
            trained_parameters: 1000,
            gpu: None,
            frozen_parameters: 9000,
            memory_bytes: 1 << 20,
            duration_secs: Some(7.0),
        }
    }

    /// A step of 10 tokens in half a second.
    pub(crate) fn step(step: u64) -> StepReport {
        StepReport {
            step,
            loss: 4.0 / step as f32,
            lr: 1e-3,
            grad_norm: 1.0,
            tokens: 10 * step,
            tokens_per_s: 20.0,
            memory: Memory::default(),
        }
    }

    fn run_after(events: impl IntoIterator<Item = TrainEvent>) -> Run {
        let mut run = Run::start(100.0);
        for (second, event) in events.into_iter().enumerate() {
            run.hear(event, 101.0 + second as f64);
        }
        run
    }

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
    fn steps_that_are_done_again_replace_the_first_try() {
        let again = StepReport { loss: 9.0, ..step(2) };
        let events = [1, 2, 3].map(|number| TrainEvent::Stepped(step(number)));
        let run = run_after(events.into_iter().chain([TrainEvent::Stepped(again)]));
        assert_eq!(run.steps, [step(1), again]);
    }

    #[test]
    fn a_run_pauses_goes_on_and_ends() {
        let mut run = run_after([TrainEvent::Started(plan(2)), TrainEvent::Stepped(step(1))]);
        run.ask(Status::Pausing, 103.0);
        assert!(run.under_way());
        run.hear(TrainEvent::Paused { step: 1 }, 104.0);
        run.ask(Status::Running, 110.0);
        let end = End { cause: EndCause::Complete, step: 2, loss: None, best: None, duration_secs: 3.0 };
        run.hear(TrainEvent::Finished(end), 112.0);
        assert!(!run.under_way() && run.has_adapter());
        let told: Vec<f64> = run.log.iter().filter_map(|entry| entry.at_secs).collect();
        assert_eq!(told, [1.0, 4.0, 10.0, 12.0]);
        assert_eq!(run.log[2].note, Note::Continued { step: 1 });
    }

    #[test]
    fn a_failure_leaves_what_was_measured() {
        let run = run_after([
            TrainEvent::Started(plan(9)),
            TrainEvent::Stepped(step(1)),
            TrainEvent::Failed(Failure::NothingToLearn),
        ]);
        assert_eq!((run.steps.len(), run.under_way(), run.has_adapter()), (1, false, false));
        assert_eq!(run.status, Status::Failed(Failure::NothingToLearn));
    }

    #[test]
    fn a_run_that_goes_on_keeps_the_steps_of_its_checkpoint() {
        let steps = (1..=4).map(|number| TrainEvent::Stepped(step(number)));
        let run = Run::replayed(std::iter::once(TrainEvent::Started(plan(6))).chain(steps).collect());
        assert_eq!((&run.status, run.steps.len(), run.log[0].at_secs), (&Status::Left, 4, None));
        let mut run = run.go_on(10.0);
        run.hear(TrainEvent::Started(Plan { done: 2, ..plan(6) }), 11.0);
        assert_eq!(run.steps, [step(1), step(2)], "steps behind the checkpoint come again");
        run.hear(TrainEvent::Stepped(step(3)), 12.0);
        assert_eq!((run.step_done(), run.log[1].at_secs), (3, Some(1.0)));
    }

    #[test]
    fn a_record_of_a_whole_run_is_that_run() {
        let end = End { cause: EndCause::Complete, step: 1, loss: None, best: None, duration_secs: 3.0 };
        let events = [TrainEvent::Started(plan(1)), TrainEvent::Stepped(step(1)), TrainEvent::Finished(end)];
        assert_eq!(Run::replayed(events.to_vec()).status, Status::Finished(end));
        assert_eq!(Run::replayed(Vec::new()).status, Status::Left);
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
    fn the_log_forgets_its_oldest_lines() {
        let skipped =
            |step| TrainEvent::Warned(Warning::StepSkipped { step, cause: NotFinite::Loss, in_a_row: 1 });
        let run = run_after((0..LOG_ENTRIES as u64 + 3).map(skipped));
        assert_eq!((run.log.len(), run.log[0].at_secs), (LOG_ENTRIES, Some(4.0)));
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
