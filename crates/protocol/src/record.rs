//! What is kept of a run beside its checkpoints: a line of settings, then a line for each event, all JSON.
//!
//! Lines are only ever added. Whoever reads them hears the run again: a run that goes on from a checkpoint says in
//! [`TrainEvent::Started`] how many steps are in it, and what was said of later ones no longer holds.

use crate::train::{EndCause, TrainConfig, TrainEvent};
use serde::{Deserialize, Serialize};

/// The record in a run's folder.
pub const RECORD: &str = "run.jsonl";

/// A run in the tab's storage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredRun {
    /// Its folder: [`TrainConfig::out`].
    pub name: String,
    /// What its record says; `None` without one.
    pub summary: Option<Summary>,
    /// Whether it has written an adapter.
    pub has_adapter: bool,
    /// Whether there is a checkpoint to go on from.
    pub has_checkpoint: bool,
    /// Bytes of all its files.
    pub bytes: u64,
    /// When one of them was last changed, in milliseconds since 1970.
    pub changed_ms: u64,
}

/// A record in short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The settings.
    pub config: TrainConfig,
    /// Steps done.
    pub step: u64,
    /// Steps in all, where that is known.
    pub steps: Option<u64>,
    /// The last step's loss, in nats.
    pub loss: Option<f32>,
    /// The lowest held-out loss, in nats, once it ended.
    pub best: Option<f32>,
    /// Numbers that are trained.
    pub parameters: Option<u64>,
    /// Seconds from its first step to its end, where it was trained in one go.
    pub secs: Option<f64>,
    /// How it ended; `None` where it did not.
    pub end: Option<EndCause>,
}

impl StoredRun {
    /// Whether there are steps left, and a checkpoint to do them from.
    pub fn can_go_on(&self) -> bool {
        let over =
            |summary: &Summary| matches!(summary.end, Some(EndCause::Complete | EndCause::EarlyStopping));
        self.has_checkpoint && self.summary.as_ref().is_some_and(|summary| !over(summary))
    }
}

/// The first line.
pub fn settings_line(config: &TrainConfig) -> String {
    line(config)
}

/// The line of an event.
pub fn event_line(event: &TrainEvent) -> String {
    line(event)
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).map_or_else(|_| String::new(), |json| json + "\n")
}

/// Settings and events of a record. What is no event, as the last line of a tab that was killed, is passed over.
pub fn read(text: &str) -> Option<(TrainConfig, Vec<TrainEvent>)> {
    let (settings, events) = text.split_once('\n')?;
    Some((serde_json::from_str(settings).ok()?, self::events(events).collect()))
}

fn events(text: &str) -> impl Iterator<Item = TrainEvent> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok())
}

/// The summary of a record from its beginning and its end, which may overlap.
pub fn summary(beginning: &str, end: &str) -> Option<Summary> {
    let (config, first) = read(beginning)?;
    let mut summary = Summary { config, ..Summary::default() };
    let mut in_one_go = true;
    for event in first.into_iter().chain(events(end)) {
        match event {
            TrainEvent::Started(plan) => {
                (summary.step, summary.steps, summary.end) = (plan.done, Some(plan.steps), None);
                summary.parameters = Some(plan.trained_parameters);
                in_one_go = plan.done == 0;
            }
            TrainEvent::Stepped(report) => {
                (summary.step, summary.loss) = (report.step, Some(report.loss));
            }
            TrainEvent::Finished(found) => {
                (summary.step, summary.end) = (found.step, Some(found.cause));
                summary.best = found.best.map(|best| best.loss);
                summary.secs = in_one_go.then_some(found.duration_secs);
            }
            _ => {}
        }
    }
    Some(summary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{End, Memory, Plan, StepReport};

    fn started(done: u64) -> TrainEvent {
        TrainEvent::Started(Plan {
            done,
            steps: 9,
            lr: 1e-3,
            rows: 1,
            tokens: 2,
            labelled_tokens: 1,
            eval_rows: 0,
            trained_parameters: 1,
            frozen_parameters: 1,
            gpu: None,
            memory_bytes: 1,
            duration_secs: None,
        })
    }

    fn stepped(step: u64) -> TrainEvent {
        let (lr, memory) = (1e-3, Memory::default());
        let loss = 1.0 / step as f32;
        TrainEvent::Stepped(StepReport {
            step,
            loss,
            lr,
            grad_norm: 1.0,
            tokens: step,
            tokens_per_s: 1.0,
            memory,
        })
    }

    fn finished(step: u64, cause: EndCause) -> TrainEvent {
        TrainEvent::Finished(End { cause, step, loss: None, best: None, duration_secs: 1.0 })
    }

    fn record(events: &[TrainEvent]) -> String {
        let lines = events.iter().map(event_line);
        std::iter::once(settings_line(&TrainConfig::default())).chain(lines).collect()
    }

    #[test]
    fn what_was_written_is_read_and_a_torn_line_is_passed_over() {
        let events = [started(0), stepped(1), stepped(2)];
        let text = record(&events) + r#"{"Stepped":{"step":3,"#;
        assert_eq!(read(&text), Some((TrainConfig::default(), events.to_vec())));
        assert_eq!(read(""), None);
        assert_eq!(read("no settings\n"), None);
    }

    #[test]
    fn a_summary_says_where_the_run_is_now() {
        let text = record(&[started(0), stepped(1), stepped(2), finished(2, EndCause::Stopped)]);
        let stopped = summary(&text, "").unwrap();
        assert_eq!((stopped.step, stopped.steps, stopped.loss), (2, Some(9), Some(0.5)));
        assert_eq!(stopped.end, Some(EndCause::Stopped));
        assert_eq!((stopped.parameters, stopped.secs), (Some(1), Some(1.0)));
        let on = text.clone() + &event_line(&started(1)) + &event_line(&stepped(2));
        assert_eq!(summary(&on, "").unwrap().end, None, "it goes on");
        let over = on + &event_line(&finished(9, EndCause::Complete));
        assert_eq!(summary(&over, "").unwrap().secs, None, "not all of it");
        let end = [stepped(8), finished(9, EndCause::Complete)].iter().map(event_line).collect::<String>();
        let whole = summary(&text, &format!("torn}}\n{end}")).unwrap();
        assert_eq!((whole.step, whole.loss, whole.end), (9, Some(0.125), Some(EndCause::Complete)));
    }

    #[test]
    fn only_a_run_with_steps_left_and_a_checkpoint_goes_on() {
        let run = |end, has_checkpoint| {
            let summary = summary(&record(&[started(0), finished(3, end)]), "");
            StoredRun {
                name: "r".into(),
                summary,
                has_adapter: true,
                has_checkpoint,
                bytes: 1,
                changed_ms: 1,
            }
        };
        assert!(run(EndCause::Stopped, true).can_go_on());
        assert!(!run(EndCause::Stopped, false).can_go_on());
        assert!(!run(EndCause::Complete, true).can_go_on());
        assert!(!StoredRun { summary: None, ..run(EndCause::Stopped, true) }.can_go_on());
    }
}
