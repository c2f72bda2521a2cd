//! What the trainer tells, in sentences.

use super::{Phrases, Words, fill, problem_words};
use crate::chart::number;
use crate::run::Note;
use crate::units;
use smolder_protocol::model;
use smolder_protocol::storage::{AdapterRemark, StorageFailure};
use smolder_protocol::train::{EndCause, Failure, NotFinite, Plan, Warning};

/// A line of the log.
pub(crate) fn note_line(note: &Note, t: &Phrases) -> String {
    let at = |text: &str, step: u64| fill(text, &[("step", &units::count(step))]);
    match note {
        Note::Started(plan) => plan_line(plan, t),
        Note::Evaluated(found) => {
            let text = if found.best { t.train.evaluated_best } else { t.train.evaluated };
            fill(text, &[("step", &units::count(found.step)), ("loss", &number(found.loss.into()))])
        }
        Note::Warned(warning) => warning_line(warning, t),
        Note::Checkpointed { step, best: true } => at(t.train.checkpointed_best, *step),
        Note::Checkpointed { step, .. } => at(t.train.checkpointed, *step),
        Note::Paused { step } => at(t.train.was_paused, *step),
        Note::Continued { step } => at(t.train.continued, *step),
        Note::Finished(end) => match end.cause {
            EndCause::Complete => {
                let time = units::seconds(end.duration_secs);
                fill(t.train.complete, &[("steps", &units::count(end.step)), ("time", &time)])
            }
            EndCause::EarlyStopping => t.train.early.to_owned(),
            EndCause::Stopped => at(t.train.stopped, end.step),
        },
        Note::Failed(failure) => run_failure_words(failure, t).title.to_owned(),
        Note::Crashed => t.trouble.crashed.to_owned(),
        Note::Recovering => t.trouble.recovering.to_owned(),
    }
}

fn plan_line(plan: &Plan, t: &Phrases) -> String {
    let all = plan.trained_parameters + plan.frozen_parameters;
    let values = [
        ("rows", units::count(plan.rows as u64)),
        ("tokens", units::count(plan.tokens)),
        ("trained", units::count(plan.trained_parameters)),
        ("all", units::count(all)),
        ("memory", units::bytes(plan.memory_bytes)),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, &**value)).collect();
    fill(t.train.plan, &values)
}

fn warning_line(warning: &Warning, t: &Phrases) -> String {
    let w = &t.trouble;
    let numbers = |text: &str, values: &[(&str, u64)]| {
        values
            .iter()
            .fold(text.to_owned(), |text, (name, value)| fill(&text, &[(name, &units::count(*value))]))
    };
    match warning {
        Warning::StepSkipped { step, cause, in_a_row } => {
            let cause = match cause {
                NotFinite::Loss => w.the_loss,
                NotFinite::Gradient => w.the_gradient,
            };
            let text = numbers(w.step_skipped, &[("step", *step), ("in_a_row", (*in_a_row).into())]);
            fill(&text, &[("cause", cause)])
        }
        Warning::RolledBack { step, checkpoint } => {
            numbers(w.rolled_back, &[("step", *step), ("checkpoint", *checkpoint)])
        }
        Warning::AdapterFrozen { step } => numbers(w.frozen, &[("step", *step)]),
        Warning::EvaluationNotFinite { step } => numbers(w.evaluation_infinite, &[("step", *step)]),
        Warning::NothingToEvaluate => w.nothing_to_evaluate.to_owned(),
        Warning::NoSample { prompt, reason } => fill(w.no_sample, &[("prompt", prompt), ("reason", reason)]),
        Warning::TargetsUnmatched { targets } => fill(w.unmatched, &[("targets", &targets.join(", "))]),
        Warning::BatchHalved { before, now } => {
            numbers(w.halved, &[("before", (*before).into()), ("now", (*now).into())])
        }
        Warning::BatchLargerThanData { wanted, rows } => {
            numbers(w.few_rows, &[("wanted", *wanted), ("rows", *rows)])
        }
        Warning::RowsDropped { rows, reason } => {
            fill(&numbers(w.rows_dropped, &[("rows", *rows)]), &[("reason", reason)])
        }
        Warning::RowsTruncated { rows, seq_len, longer } => {
            let text = if *longer { w.rows_cut } else { w.rows_cut_at_context };
            numbers(text, &[("rows", *rows), ("length", (*seq_len).into())])
        }
        Warning::SeqLenLowered { wanted, context } => {
            numbers(w.length_lowered, &[("wanted", (*wanted).into()), ("context", (*context).into())])
        }
        Warning::OtherEvaluationRows => w.other_evaluation_rows.to_owned(),
        Warning::CheckpointDamaged { file, reason } => {
            fill(w.checkpoint_damaged, &[("file", file), ("reason", reason)])
        }
        Warning::CheckpointNotWritten { step, reason } => {
            fill(&numbers(w.checkpoint_unwritten, &[("step", *step)]), &[("reason", reason)])
        }
        Warning::OtherBase { reason } => fill(w.other_base, &[("reason", reason)]),
    }
}

/// Why there is no adapter, and the way on.
pub(crate) fn run_failure_words(failure: &Failure, t: &Phrases) -> Words {
    let w = &t.trouble;
    match failure {
        Failure::Settings(invalid) => {
            let list: Vec<String> = invalid.iter().map(ToString::to_string).collect();
            Words::new(w.settings, w.settings_do).quoting(&list.join("\n"))
        }
        Failure::Input { reason } => Words::new(w.input, w.input_do).quoting(reason),
        Failure::NothingToLearn => Words::new(w.nothing, w.nothing_do),
        Failure::OutOfMemory { tokens } => {
            Words::new(w.memory, &fill(w.memory_do, &[("tokens", &units::count(*tokens))]))
        }
        Failure::NotFinite { step } => {
            Words::new(w.not_finite, &fill(w.not_finite_do, &[("step", &units::count(*step))]))
        }
        Failure::Device(problem) => problem_words(problem, t),
        Failure::Storage { reason, full: true } => Words::new(w.full, w.full_do).quoting(reason),
        Failure::Storage { reason, full: false } => Words::new(w.unwritten, w.unwritten_do).quoting(reason),
        Failure::OtherRun { differences } => {
            Words::new(w.other_run, w.other_run_do).quoting(&differences.join("\n"))
        }
    }
}

/// Why a file did not come or go, and the way on.
pub(crate) fn storage_failure_words(failure: &StorageFailure, t: &Phrases) -> Words {
    let w = &t.storage;
    match failure {
        StorageFailure::None { reason } => Words::new(w.none, w.none_do).quoting(reason),
        StorageFailure::Full { missing_bytes: None } => Words::new(w.full, w.full_do),
        StorageFailure::Full { missing_bytes: Some(bytes) } => {
            let missing = fill(w.full_missing, &[("size", &units::bytes(*bytes))]);
            Words::new(w.full, &missing).or(w.full_do)
        }
        StorageFailure::InUse { name } => Words::new(w.in_use, w.in_use_do).quoting(name),
        StorageFailure::File { reason } => Words::new(w.file, w.file_do).quoting(reason),
        StorageFailure::OtherBase { expected, found } => {
            let names = [("expected", &**expected), ("found", &**found)];
            Words::new(w.other_base, &fill(w.other_base_do, &names))
        }
        StorageFailure::Sha256 { expected, found } => {
            Words::new(w.sha256, w.sha256_do).quoting(&format!("{found} ≠ {expected}"))
        }
        StorageFailure::Answer { status } => {
            Words::new(w.answer, &fill(w.answer_do, &[("status", &status.to_string())]))
        }
        StorageFailure::Network { reason } => Words::new(w.network, w.network_do).quoting(reason),
        StorageFailure::Cancelled => Words::new(w.cancelled, w.cancelled_do),
        StorageFailure::Refused { reason } => Words::new(w.refused, w.refused_do).quoting(reason),
    }
}

/// What should be known of an adapter that can be used all the same.
pub(crate) fn remark_line(remark: &AdapterRemark, t: &Phrases) -> String {
    match remark {
        AdapterRemark::UnknownKeys { keys } => fill(t.storage.unknown_keys, &[("keys", keys)]),
        AdapterRemark::Idle => t.storage.idle.to_owned(),
    }
}

/// Why there is no answer.
pub(crate) fn generate_failure_words(failure: &model::Failure, t: &Phrases) -> Words {
    let w = &t.try_it;
    match failure {
        model::Failure::Input { reason } | model::Failure::NotFinite { reason } => {
            Words::new(w.failed, w.failed_do).quoting(reason)
        }
        model::Failure::NoModel => Words::new(w.failed, w.no_model),
        model::Failure::Context { tokens, room } => {
            let values = [("tokens", units::count(*tokens as u64)), ("room", units::count(*room as u64))];
            let values = values.each_ref().map(|(name, value)| (*name, &**value));
            Words::new(w.failed, &fill(w.too_long, &values))
        }
        model::Failure::OutOfMemory => Words::new(w.failed, w.no_memory),
        model::Failure::Device(problem) => problem_words(problem, t),
        model::Failure::Cancelled => Words::new(t.storage.cancelled, t.storage.cancelled_do),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;

    #[test]
    fn no_sentence_keeps_a_placeholder() {
        let warnings = [
            Warning::StepSkipped { step: 1, cause: NotFinite::Loss, in_a_row: 2 },
            Warning::RolledBack { step: 9, checkpoint: 5 },
            Warning::AdapterFrozen { step: 3 },
            Warning::EvaluationNotFinite { step: 3 },
            Warning::NothingToEvaluate,
            Warning::NoSample { prompt: "a".into(), reason: "too long".into() },
            Warning::TargetsUnmatched { targets: vec!["q".into()] },
            Warning::BatchHalved { before: 4, now: 2 },
            Warning::BatchLargerThanData { wanted: 9, rows: 3 },
            Warning::RowsDropped { rows: 2, reason: "empty".into() },
            Warning::RowsTruncated { rows: 2, seq_len: 64, longer: true },
            Warning::RowsTruncated { rows: 2, seq_len: 64, longer: false },
            Warning::OtherEvaluationRows,
            Warning::SeqLenLowered { wanted: 9, context: 5 },
            Warning::CheckpointDamaged { file: "c".into(), reason: "short".into() },
            Warning::CheckpointNotWritten { step: 3, reason: "full".into() },
            Warning::OtherBase { reason: "name".into() },
        ];
        for t in Language::ALL.map(Language::phrases) {
            for warning in &warnings {
                let line = warning_line(warning, t);
                assert!(!line.contains(['{', '}']), "{line}");
            }
            let unknown = remark_line(&AdapterRemark::UnknownKeys { keys: "a, b".into() }, t);
            assert!(unknown.contains("a, b") && !unknown.contains(['{', '}']), "{unknown}");
            assert_ne!(remark_line(&AdapterRemark::Idle, t), "");
        }
    }

    #[test]
    fn a_failure_says_what_to_do_and_quotes_what_was_found() {
        let t = Language::English.phrases();
        let words = run_failure_words(&Failure::OutOfMemory { tokens: 2048 }, t);
        assert!(words.advice[0].contains("2,048 tokens"), "{words:?}");
        let words = storage_failure_words(&StorageFailure::Full { missing_bytes: Some(3 << 20) }, t);
        assert_eq!(words.advice[0], "3 MiB more are needed.");
        let words = storage_failure_words(&StorageFailure::InUse { name: "a.gguf".into() }, t);
        assert_eq!(words.quote.as_deref(), Some("a.gguf"));
        let words = run_failure_words(&Failure::Input { reason: "d.csv: line 3".into() }, t);
        assert_eq!(words.quote.as_deref(), Some("d.csv: line 3"));
    }
}
