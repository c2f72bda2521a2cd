//! What happens in a run, in sentences.

use crate::progress::clock;
use smolder_formats::error::printable;
use smolder_formats::inspect::size;
use smolder_protocol::train::{
    End, EndCause, Evaluation, Failure, Memory, NotFinite, Plan, Sample, StepReport, TrainEvent, Warning,
};
use std::time::Duration;

/// An event as a line for a pipe or a file; `None` for one of the many steps between.
pub fn plain(event: &TrainEvent, steps: u64) -> Option<String> {
    Some(match event {
        TrainEvent::Started(plan) => self::plan(plan),
        TrainEvent::Stepped(report) if is_told(report.step, steps) => {
            format!("{}, {}", step(report, steps), resources(report))
        }
        TrainEvent::Stepped(_) | TrainEvent::Evaluating { .. } => return None,
        TrainEvent::Evaluated(found) => evaluation(found),
        TrainEvent::Sampled(found) => sample(found),
        TrainEvent::Warned(found) => warning(found),
        TrainEvent::Checkpointed { step, best } => checkpoint(*step, *best),
        TrainEvent::Paused { step } => format!("paused after step {step}"),
        TrainEvent::Finished(found) => end(found),
        TrainEvent::Failed(found) => failure(found),
    })
}

/// The first step, the last, and some fifty between.
fn is_told(step: u64, steps: u64) -> bool {
    step == 1 || step == steps || step.is_multiple_of(steps.div_ceil(50).max(1))
}

/// What is going to happen, in three lines.
pub fn plan(plan: &Plan) -> String {
    let Plan { done, steps, rows, tokens, labelled_tokens, eval_rows, .. } = plan;
    let go_on = if *done > 0 { format!(", from step {done} on") } else { String::new() };
    let time = plan
        .duration_secs
        .map_or_else(|| "time not measured yet".to_owned(), |secs| format!("about {}", duration(secs)));
    let place = plan
        .gpu
        .as_deref()
        .map_or_else(|| "on the CPU".to_owned(), |name| format!("on the GPU {}", printable(name)));
    let learned = 100.0 * *labelled_tokens as f64 / (*tokens).max(1) as f64;
    format!(
        "{steps} steps{go_on}: {rows} rows, {tokens} tokens ({learned:.0} % learned); {eval_rows} rows to evaluate on\n\
        {} of {} parameters are trained, learning rate {:.1e}\n\
        {place}: about {} of memory, {time}",
        plan.trained_parameters,
        plan.trained_parameters + plan.frozen_parameters,
        plan.lr,
        size(plan.memory_bytes),
    )
}

/// Where training is.
pub fn step(report: &StepReport, steps: u64) -> String {
    let StepReport { step, loss, lr, grad_norm, .. } = report;
    let percent = (100 * step).checked_div(steps).unwrap_or(100);
    format!("step {step} of {steps} ({percent} %): loss {loss:.4}, lr {lr:.1e}, gradient norm {grad_norm:.3}")
}

/// How fast it is and what it takes.
pub fn resources(report: &StepReport) -> String {
    let Memory { device_bytes, process_bytes } = report.memory;
    let part = |bytes: Option<u64>, of: &str| bytes.map(|bytes| format!(", {} {of}", size(bytes)));
    let device = part(device_bytes, "on the device").unwrap_or_default();
    let process = part(process_bytes, "in the process").unwrap_or_default();
    format!("{:.0} tokens/s{device}{process}", report.tokens_per_s)
}

/// The loss on held-out rows.
pub fn evaluation(found: &Evaluation) -> String {
    let Evaluation { step, loss, tokens, .. } = found;
    let perplexity = found.perplexity.map_or(String::new(), |value| format!(", perplexity {value:.3}"));
    let best = if found.best { ", the best so far" } else { "" };
    format!("evaluation after step {step}: loss {loss:.4}{perplexity}, {tokens} tokens{best}")
}

/// A prompt and its answer.
pub fn sample(found: &Sample) -> String {
    let Sample { step, prompt, text } = found;
    format!("sample after step {step}: {} → {}", printable(prompt), printable(text))
}

/// What is on disk.
pub fn checkpoint(step: u64, best: bool) -> String {
    format!("checkpoint after step {step}{}", if best { ", the best so far" } else { "" })
}

/// How it ended.
pub fn end(found: &End) -> String {
    let End { step, loss, best, duration_secs, .. } = found;
    let cause = match found.cause {
        EndCause::Complete => "done",
        EndCause::EarlyStopping => "stopped early: the evaluation loss no longer fell",
        EndCause::Stopped => "stopped; --resume goes on",
    };
    let loss = loss.map_or(String::new(), |loss| format!(", loss {loss:.4}"));
    let best = best
        .map_or(String::new(), |best| format!(", best evaluation {:.4} after step {}", best.loss, best.step));
    format!("{cause}: {step} steps in {}{loss}{best}", duration(*duration_secs))
}

/// What is the matter and what becomes of it.
pub fn warning(found: &Warning) -> String {
    match found {
        Warning::StepSkipped { step, cause, in_a_row } => {
            let what = match cause {
                NotFinite::Loss => "loss",
                NotFinite::Gradient => "gradient",
            };
            format!("step {step} was skipped: its {what} was infinite or NaN ({in_a_row} in a row)")
        }
        Warning::RolledBack { step, checkpoint } => {
            format!("back to the checkpoint of step {checkpoint} after step {step}: a lower --lr may help")
        }
        Warning::AdapterFrozen { step } => {
            format!("after {step} steps the adapter still changes nothing: a higher --lr may help")
        }
        Warning::EvaluationNotFinite { step } => {
            format!("evaluation after step {step}: the loss is infinite or NaN")
        }
        Warning::NothingToEvaluate => "of a single row none is kept back to evaluate on".to_owned(),
        Warning::NoSample { prompt, reason } => {
            format!("no answer to {}: {}", printable(prompt), printable(reason))
        }
        Warning::TargetsUnmatched { targets } => {
            format!("the model has no layers called {}", printable(&targets.join(", ")))
        }
        Warning::BatchHalved { before, now } => {
            format!(
                "out of memory: {now} sequences at once from here on, not {before}; the steps stay the same"
            )
        }
        Warning::BatchLargerThanData { wanted, rows } => {
            format!("a step wants {wanted} rows and there are {rows}: it takes all of them")
        }
        Warning::RowsDropped { rows, reason } => format!("{rows} rows were left out: {}", printable(reason)),
        Warning::RowsTruncated { rows, seq_len, longer: true } => {
            format!("{rows} rows were cut to {seq_len} tokens: a higher --seq-len keeps more of them")
        }
        Warning::RowsTruncated { rows, seq_len, longer: false } => {
            format!("{rows} rows were cut to {seq_len} tokens, all that the model's context holds")
        }
        Warning::SeqLenLowered { wanted, context } => {
            format!("rows have at most {context} tokens, the model's context, not {wanted}")
        }
        Warning::OtherEvaluationRows => {
            "the rows to evaluate on are not those of before: the best is looked for anew".to_owned()
        }
        Warning::CheckpointDamaged { file, reason } => {
            format!("{} is damaged, an older one is used: {}", printable(file), printable(reason))
        }
        Warning::CheckpointNotWritten { step, reason } => {
            format!("no checkpoint after step {step}, the one before remains: {}", printable(reason))
        }
        Warning::OtherBase { reason } => format!("the adapter's base differs: {}", printable(reason)),
    }
}

/// Why there is no adapter.
pub fn failure(found: &Failure) -> String {
    match found {
        Failure::Settings(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            format!("these settings cannot train:\n{}", lines.join("\n"))
        }
        Failure::Input { reason } | Failure::Storage { reason, full: false } => printable(reason),
        Failure::NothingToLearn => {
            "no row has a token to learn: `smolder data` shows what --loss-on leaves".to_owned()
        }
        Failure::OutOfMemory { tokens } => {
            format!(
                "no memory even for one sequence of {tokens} tokens: lower --seq-len, or use --device cpu"
            )
        }
        Failure::NotFinite { step } => {
            format!(
                "step {step}: losses or gradients stay infinite or NaN; lower --lr, and go on with --resume"
            )
        }
        Failure::Device(problem) => crate::devices::advice(problem),
        Failure::Storage { reason, full: true } => {
            format!("the disk is full: make room, and go on with --resume ({})", printable(reason))
        }
        Failure::OtherRun { differences } => {
            let lines = differences.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n");
            format!("the checkpoint is of another run; use its settings, or another --out:\n{lines}")
        }
    }
}

/// Seconds as people read them.
pub fn duration(secs: f64) -> String {
    // Nothing that is shown lasts longer than ten years.
    clock(Duration::from_secs_f64(secs.clamp(0.0, 3.2e8)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use smolder_protocol::train::Best;

    const STEP: StepReport = StepReport {
        step: 7,
        loss: 1.25,
        lr: 2e-4,
        grad_norm: 0.5,
        tokens: 900,
        tokens_per_s: 123.4,
        memory: Memory { device_bytes: Some(3 << 20), process_bytes: None },
    };

    #[test]
    fn events_are_lines() {
        let said = |event: TrainEvent| plain(&event, 10).unwrap();
        assert_eq!(
            said(TrainEvent::Stepped(STEP)),
            "step 7 of 10 (70 %): loss 1.2500, lr 2.0e-4, gradient norm 0.500, 123 tokens/s, 3.0 MiB on the device"
        );
        let evaluation = Evaluation { step: 7, loss: 2.0, perplexity: Some(7.389), tokens: 50, best: true };
        assert_eq!(
            said(TrainEvent::Evaluated(evaluation)),
            "evaluation after step 7: loss 2.0000, perplexity 7.389, 50 tokens, the best so far"
        );
        let best = Some(Best { step: 7, loss: 2.0 });
        let end = End { cause: EndCause::Complete, step: 10, loss: Some(1.0), best, duration_secs: 61.0 };
        assert_eq!(
            said(TrainEvent::Finished(end)),
            "done: 10 steps in 1 min 01 s, loss 1.0000, best evaluation 2.0000 after step 7"
        );
    }

    #[test]
    fn long_runs_tell_some_steps_and_short_ones_all() {
        let told = |steps| (1..=steps).filter(|step| is_told(*step, steps)).count();
        assert_eq!([1, 10, 50].map(told), [1, 10, 50]);
        assert!((50..=53).contains(&told(10_000)) && is_told(10_000, 10_000) && is_told(1, 10_000));
    }

    #[test]
    fn a_plan_says_what_will_happen() {
        let plan = Plan {
            done: 20,
            steps: 100,
            lr: 1e-3,
            rows: 50,
            tokens: 4000,
            labelled_tokens: 1000,
            eval_rows: 5,
            trained_parameters: 300,
            frozen_parameters: 700,
            gpu: None,
            memory_bytes: 1 << 30,
            duration_secs: Some(90.0),
        };
        assert_eq!(
            self::plan(&plan),
            "100 steps, from step 20 on: 50 rows, 4000 tokens (25 % learned); 5 rows to evaluate on\n\
            300 of 1000 parameters are trained, learning rate 1.0e-3\n\
            on the CPU: about 1.0 GiB of memory, about 1 min 30 s"
        );
    }

    #[test]
    fn text_from_outside_does_not_reach_the_terminal_raw() {
        let sample = Sample { step: 1, prompt: "\u{1b}[2J".into(), text: "a\nb".into() };
        let said = plain(&TrainEvent::Sampled(sample), 10).unwrap();
        assert_eq!(said, r"sample after step 1: \u{1b}[2J → a\nb");
    }
}
