//! A run on the terminal: a few lines that change, or lines one after another in a pipe; and the log file.

use crate::output::tell;
use crate::progress::{EVALUATING, percent, share};
use crate::train_text::{
    checkpoint, duration, end, evaluation, failure, plain, plan, resources, sample, step, warning,
};
use anyhow::{Context, Result, ensure};
use smolder_protocol::train::{Evaluation, NotFinite, Plan, Sample, StepReport, TrainEvent, Warning};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Columns of the sparkline.
const COLUMNS: usize = 60;
/// Warnings that stay in sight.
const WARNINGS: usize = 3;
/// How each line of a log starts.
const LOG_START: &[u8] = b"{\"step\":";
/// Steps whose times the time left is estimated from.
const TIMED: usize = 20;

/// All that is shown of a run.
#[derive(Debug, Default)]
pub struct View {
    plan: Option<Plan>,
    losses: Vec<f32>,
    last: Option<StepReport>,
    /// Seconds that the newest steps took.
    times: VecDeque<f64>,
    /// How much of the held-out rows was looked at, and of how much, while that goes on.
    evaluating: Option<(u64, u64)>,
    evaluation: Option<Evaluation>,
    saved: Option<(u64, bool)>,
    sample: Option<Sample>,
    warnings: VecDeque<Warning>,
    paused: bool,
    /// The last words.
    end: Option<String>,
}

impl View {
    /// Takes in an event.
    pub fn update(&mut self, event: &TrainEvent) {
        self.evaluating = None;
        match event {
            TrainEvent::Started(plan) => self.plan = Some(plan.clone()),
            TrainEvent::Stepped(report) => self.stepped(*report),
            TrainEvent::Evaluating { done, total } => self.evaluating = Some((*done, *total)),
            TrainEvent::Evaluated(found) => self.evaluation = Some(*found),
            TrainEvent::Sampled(found) => self.sample = Some(found.clone()),
            TrainEvent::Warned(found) => push(&mut self.warnings, found.clone(), WARNINGS),
            TrainEvent::Checkpointed { step, best } => self.saved = Some((*step, *best)),
            TrainEvent::Paused { .. } => self.paused = true,
            TrainEvent::Finished(found) => self.end = Some(end(found)),
            TrainEvent::Failed(found) => self.end = Some(failure(found)),
        }
    }

    fn stepped(&mut self, report: StepReport) {
        let before = self.last.map_or(0, |last| last.tokens);
        let tokens = report.tokens.saturating_sub(before);
        // A resumed run's first report counts tokens of before.
        if report.tokens_per_s > 0.0 && (self.last.is_some() || self.steps().0 == 0) {
            push(&mut self.times, tokens as f64 / report.tokens_per_s, TIMED);
        }
        self.losses.push(report.loss);
        self.last = Some(report);
        self.paused = false;
    }

    /// Steps done before, and in all.
    fn steps(&self) -> (u64, u64) {
        self.plan.as_ref().map_or((0, 0), |plan| (plan.done, plan.steps))
    }

    /// Seconds that the remaining steps will take; `None` before there is a measure.
    fn seconds_left(&self) -> Option<f64> {
        let rest = self.steps().1.checked_sub(self.last?.step)?;
        let mean = self.times.iter().sum::<f64>() / self.times.len() as f64;
        mean.is_finite().then_some(mean * rest as f64)
    }

    /// The lines to show, the same for the same events.
    pub fn lines(&self) -> Vec<String> {
        let owned = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let mut lines = Vec::new();
        if let Some(last) = &self.last {
            lines.push(step(last, self.steps().1));
            lines.push(self.curve());
            let left = self.seconds_left().map_or(String::new(), |secs| format!(", {} left", duration(secs)));
            lines.push(format!("{}{left}", resources(last)));
        } else {
            lines.extend(self.plan.iter().flat_map(|one| owned(&plan(one))));
        }
        lines.extend(self.evaluation.as_ref().map(evaluation));
        lines.extend(self.evaluating.map(|(done, total)| share(EVALUATING, done, total)));
        lines.extend(self.saved.map(|(step, best)| checkpoint(step, best)));
        lines.extend(self.sample.as_ref().map(sample));
        lines.extend(self.warnings.iter().map(|one| format!("! {}", warning(one))));
        if self.paused {
            lines.push("paused".to_owned());
        }
        lines.extend(self.end.iter().flat_map(|text| owned(text)));
        lines
    }

    /// The losses so far: the first and the last in numbers, all as a line of blocks.
    fn curve(&self) -> String {
        let number = |loss: Option<&f32>| loss.map_or(String::new(), |loss| format!("{loss:.2}"));
        let (first, last) = (number(self.losses.first()), number(self.losses.last()));
        format!("{first} {} {last}", sparkline(&self.losses, COLUMNS))
    }
}

fn push<T>(list: &mut VecDeque<T>, value: T, most: usize) {
    if list.len() == most {
        list.pop_front();
    }
    list.push_back(value);
}

/// Values as at most `columns` blocks from the lowest to the highest; a block is the mean of neighbours.
pub fn sparkline(values: &[f32], columns: usize) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let columns = columns.min(values.len()).max(1);
    let bounds = |column: usize| column * values.len() / columns;
    let part = |column| values.get(bounds(column)..bounds(column + 1)).unwrap_or_default();
    let means: Vec<f32> = (0..columns)
        .map(part)
        .filter(|part| !part.is_empty())
        .map(|part| part.iter().sum::<f32>() / part.len() as f32)
        .collect();
    let low = means.iter().copied().fold(f32::INFINITY, f32::min);
    let high = means.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scale = if high > low { 7.0 / (high - low) } else { 0.0 };
    means.iter().map(|mean| BLOCKS[((mean - low) * scale).round() as usize]).collect()
}

/// Bytes of a log's whole lines up to a step.
fn kept(log: &[u8], done: u64) -> usize {
    let before = |line: &&[u8]| {
        let step =
            serde_json::from_slice::<serde_json::Value>(line).ok().and_then(|line| line["step"].as_u64());
        line.ends_with(b"\n") && step.is_some_and(|step| step <= done)
    };
    log.split_inclusive(|byte| *byte == b'\n').take_while(before).map(<[u8]>::len).sum()
}

/// Whether there is nothing, no file, or a log that may be continued or begun anew.
fn is_log(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = |file: File| file.take(LOG_START.len() as u64).read_to_end(&mut start).is_ok();
    let found = fs::metadata(path).is_ok_and(|about| about.is_file());
    !found || (File::open(path).is_ok_and(read) && LOG_START.starts_with(&start))
}

/// A step as a line of the log file.
fn log_line(report: &StepReport) -> String {
    let StepReport { step, loss, lr, grad_norm, tokens, tokens_per_s, .. } = report;
    // Numbers as Rust writes them are JSON: digits alone, and never an exponent.
    format!(
        "{{\"step\":{step},\"loss\":{loss},\"lr\":{lr},\"grad_norm\":{grad_norm},\"tokens\":{tokens},\
        \"tokens_per_s\":{tokens_per_s:.3}}}"
    )
}

/// A step that changed nothing as a line of the log file: what was not finite, for which JSON has no number.
fn skipped_line(step: u64, cause: NotFinite) -> String {
    let what = match cause {
        NotFinite::Loss => "loss",
        NotFinite::Gradient => "gradient",
    };
    format!("{{\"step\":{step},\"skipped\":\"{what}\"}}")
}

/// Shows events as they come.
pub struct Screen {
    view: View,
    terminal: bool,
    drawn: usize,
    shown: Option<Instant>,
    /// Tells in a pipe how far an evaluation has come.
    evaluating: Option<Box<dyn FnMut(u64, u64)>>,
    resume: bool,
    log: Option<(PathBuf, File)>,
}

impl Screen {
    /// A screen on standard error; steps also go to the file `log`, behind what is in it where a run goes on.
    pub fn open(log: Option<&Path>, resume: bool) -> Result<Self> {
        let open = |path: &Path| {
            ensure!(
                is_log(path),
                "{} is there already, and is no log of steps: choose another name",
                path.display()
            );
            let file = File::options().create(true).append(true).open(path);
            Ok::<_, anyhow::Error>((path.to_owned(), file.with_context(|| unwritable(path))?))
        };
        let log = log.map(open).transpose()?;
        let terminal = std::io::stderr().is_terminal();
        let (view, evaluating) = (View::default(), None);
        Ok(Self { view, terminal, drawn: 0, shown: None, evaluating, resume, log })
    }

    /// Shows an event.
    pub fn show(&mut self, event: &TrainEvent) -> Result<()> {
        match event {
            TrainEvent::Started(plan) => self.begin(plan)?,
            TrainEvent::Stepped(report) => self.log(&log_line(report))?,
            TrainEvent::Warned(Warning::StepSkipped { step, cause, .. }) => {
                self.log(&skipped_line(*step, *cause))?;
            }
            _ => {}
        }
        self.view.update(event);
        if !self.terminal {
            self.tell_evaluating(event);
            if let Some(line) = plain(event, self.view.steps().1) {
                tell!("{line}");
            }
        } else if self.due(event) {
            self.draw();
        }
        Ok(())
    }

    fn tell_evaluating(&mut self, event: &TrainEvent) {
        if let TrainEvent::Evaluating { done, total } = event {
            self.evaluating.get_or_insert_with(|| Box::new(percent(EVALUATING)))(*done, *total);
        } else {
            self.evaluating = None;
        }
    }

    fn log(&mut self, line: &str) -> Result<()> {
        let Some((path, file)) = &mut self.log else { return Ok(()) };
        writeln!(file, "{line}").with_context(|| unwritable(path))
    }

    /// A run that goes on does the steps behind its checkpoint again: the log keeps those before.
    fn begin(&mut self, plan: &Plan) -> Result<()> {
        if self.resume && plan.done == 0 {
            tell!("There is no checkpoint to go on from: this is a new run.");
        }
        let Some((path, file)) = &mut self.log else { return Ok(()) };
        // A pipe or a device has nothing to be kept.
        if !file.metadata().is_ok_and(|about| about.is_file()) {
            return Ok(());
        }
        let before = fs::read(&*path).with_context(|| format!("{} cannot be read", path.display()))?;
        let kept = if self.resume { kept(&before, plan.done) } else { 0 };
        file.set_len(kept as u64).with_context(|| unwritable(path))
    }

    /// Steps and batches may be faster than eyes.
    fn due(&mut self, event: &TrainEvent) -> bool {
        let step = matches!(event, TrainEvent::Stepped(_) | TrainEvent::Evaluating { .. });
        let due = !step || self.shown.is_none_or(|shown| shown.elapsed() > Duration::from_millis(100));
        if due {
            self.shown = Some(Instant::now());
        }
        due
    }

    fn draw(&mut self) {
        let lines = self.view.lines();
        let mut out = std::io::stderr();
        // A terminal that is gone is no reason to stop.
        let _ = out.write_all(frame(self.drawn, &lines).as_bytes()).and_then(|()| out.flush());
        self.drawn = lines.len();
    }
}

fn unwritable(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}

/// What draws `lines` over the `drawn` lines before. The terminal does not wrap meanwhile: a line stays one.
fn frame(drawn: usize, lines: &[String]) -> String {
    let up = if drawn > 0 { format!("\x1b[{drawn}F") } else { String::new() };
    let text = lines.iter().fold(String::new(), |text, line| text + line + "\n");
    format!("{up}\x1b[J\x1b[?7l{text}\x1b[?7h")
}

#[cfg(test)]
mod tests;
