//! A training run as the page knows it. Pure: events in, a new state out.

mod log;
mod measured;

pub(crate) use log::{Entry, Note};

use log::Log;
use smolder_protocol::train::{End, Evaluation, Failure, Plan, Sample, StepReport, TrainEvent, Warning};

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

/// Everything that was told of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Run {
    pub(crate) status: Status,
    pub(crate) plan: Option<Plan>,
    pub(crate) steps: Vec<StepReport>,
    pub(crate) evaluations: Vec<Evaluation>,
    /// How much of the held-out examples was looked at, between 0 and 1, while that goes on.
    pub(crate) evaluating: Option<f64>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) log: Log,
}

impl Run {
    /// A run that was just asked for.
    pub(crate) fn start(now_secs: f64) -> Self {
        Self::default().go_on(now_secs)
    }

    /// A run as its record tells it.
    pub(crate) fn replayed(events: Vec<TrainEvent>) -> Self {
        let mut run = Self::default();
        for event in events {
            run.hear(event, 0.0);
        }
        run.log.start(0.0);
        if run.under_way() || run.status == Status::Idle {
            run.status = Status::Left;
        }
        run
    }

    /// The same run, which was just asked to go on.
    pub(crate) fn go_on(mut self, now_secs: f64) -> Self {
        self.status = Status::Starting;
        self.log.start(now_secs);
        self
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
        self.evaluating = None;
        match event {
            TrainEvent::Started(plan) => {
                self.status = Status::Running;
                self.return_to(plan.done);
                self.plan = Some(plan.clone());
                self.log.add(Note::Started(plan), now_secs);
            }
            TrainEvent::Stepped(report) => self.step(report),
            TrainEvent::Evaluating { done, total } => {
                self.evaluating = Some(done as f64 / total.max(1) as f64);
            }
            TrainEvent::Evaluated(found) => {
                self.evaluations.push(found);
                self.log.add(Note::Evaluated(found), now_secs);
            }
            TrainEvent::Sampled(sample) => self.samples.push(sample),
            TrainEvent::Warned(warning) => self.warn(warning, now_secs),
            TrainEvent::Checkpointed { step, best } => {
                self.log.add(Note::Checkpointed { step, best }, now_secs);
            }
            TrainEvent::Paused { step } => {
                self.status = Status::Paused;
                self.log.add(Note::Paused { step }, now_secs);
            }
            TrainEvent::Finished(end) => {
                self.status = Status::Finished(end);
                self.log.add(Note::Finished(end), now_secs);
            }
            TrainEvent::Failed(failure) => self.fail(failure, now_secs),
        }
    }

    /// Takes in what the person asked for, before the trainer answers.
    pub(crate) fn ask(&mut self, status: Status, now_secs: f64) {
        if self.status == Status::Paused && status == Status::Running {
            self.log.add(Note::Continued { step: self.step_done() }, now_secs);
        }
        self.status = status;
    }

    /// The run goes on by itself after a failure.
    pub(crate) fn recover(&mut self, now_secs: f64) {
        self.status = Status::Starting;
        self.log.add(Note::Recovering, now_secs);
    }

    /// The trainer is gone: a run that was under way is over.
    pub(crate) fn crash(&mut self, reason: &str, now_secs: f64) {
        if self.under_way() {
            self.status = Status::Crashed(reason.to_owned());
            self.log.add(Note::Crashed, now_secs);
        }
    }

    fn fail(&mut self, failure: Failure, now_secs: f64) {
        self.status = Status::Failed(failure.clone());
        self.log.add(Note::Failed(failure), now_secs);
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
        self.log.add(Note::Warned(warning), now_secs);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use smolder_protocol::train::{EndCause, Memory};

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

    /// A run that was asked for at second 100 and heard an event a second since.
    pub(crate) fn run_after(events: impl IntoIterator<Item = TrainEvent>) -> Run {
        let mut run = Run::start(100.0);
        for (second, event) in events.into_iter().enumerate() {
            run.hear(event, 101.0 + second as f64);
        }
        run
    }

    #[test]
    fn an_evaluation_is_shown_until_something_else_happens() {
        let mut run = Run::start(0.0);
        run.hear(TrainEvent::Started(plan(9)), 0.0);
        run.hear(TrainEvent::Evaluating { done: 1, total: 4 }, 0.0);
        assert_eq!(run.evaluating, Some(0.25));
        run.hear(TrainEvent::Checkpointed { step: 0, best: false }, 0.0);
        assert_eq!(run.evaluating, None);
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
        let told: Vec<f64> = run.log.entries.iter().filter_map(|entry| entry.at_secs).collect();
        assert_eq!(told, [1.0, 4.0, 10.0, 12.0]);
        assert_eq!(run.log.entries[2].note, Note::Continued { step: 1 });
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
        assert_eq!((&run.status, run.steps.len(), run.log.entries[0].at_secs), (&Status::Left, 4, None));
        let mut run = run.go_on(10.0);
        run.hear(TrainEvent::Started(Plan { done: 2, ..plan(6) }), 11.0);
        assert_eq!(run.steps, [step(1), step(2)], "steps behind the checkpoint come again");
        run.hear(TrainEvent::Stepped(step(3)), 12.0);
        assert_eq!((run.step_done(), run.log.entries[1].at_secs), (3, Some(1.0)));
    }

    #[test]
    fn a_record_of_a_whole_run_is_that_run() {
        let end = End { cause: EndCause::Complete, step: 1, loss: None, best: None, duration_secs: 3.0 };
        let events = [TrainEvent::Started(plan(1)), TrainEvent::Stepped(step(1)), TrainEvent::Finished(end)];
        assert_eq!(Run::replayed(events.to_vec()).status, Status::Finished(end));
        assert_eq!(Run::replayed(Vec::new()).status, Status::Left);
    }
}
