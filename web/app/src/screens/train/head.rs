//! Where the run is, in words, a bar and some numbers.

use super::super::parts::Heading;
use super::missing::is_missing;
use crate::chart::number;
use crate::choices::Choices;
use crate::preferences::Preferences;
use crate::run::Note;
use crate::run::{Run, Status};
use crate::session::Session;
use crate::text::{Phrases, fill, note_line};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::train::EndCause;

/// Parts of a run after which its progress is said aloud.
const SPOKEN_PARTS: f64 = 10.0;

#[component]
pub(super) fn Head() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let choices = Choices::here();
    let title = Signal::derive(move || {
        let idle = session.run.with(|run| run.status == Status::Idle);
        if idle && is_missing(session, choices) {
            return t().train.not_ready.to_owned();
        }
        session.run.with(|run| title(run, t()))
    });
    let lead = Signal::derive(move || session.run.with(|run| lead(run, t())));
    let tone = Signal::derive(move || session.run.with(|run| tone(&run.status)));
    // Said aloud when the status changes and some times in between, not with every step.
    let heard = Memo::new(move |_| {
        session.run.with(|run| (std::mem::discriminant(&run.status), (run.share() * SPOKEN_PARTS) as u32))
    });
    let spoken = move || {
        heard.track();
        session.run.with_untracked(|run| spoken(run, t()))
    };
    view! {
        <Heading title lead tone/>
        <p class="unseen" role="status">{spoken}</p>
        <Show when=move || session.run.with(|run| run.plan.is_some())>
            <Bar/>
        </Show>
    }
}

#[component]
fn Bar() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let percent = move || format!("{:.0} %", 100.0 * session.run.with(Run::share));
    let left = move || {
        let secs = session.run.with(|run| run.remaining_secs().filter(|_| run.under_way()));
        secs.map(|secs| fill(t().train.left, &[("time", &units::seconds(secs))]))
    };
    let evaluating = move || {
        let share = session.run.with(|run| run.evaluating.filter(|_| run.under_way()));
        share.map(|share| fill(t().train.evaluating, &[("percent", &format!("{:.0}", 100.0 * share))]))
    };
    view! {
        <div class="amount-line">
            <span>{percent}</span>
            <span class="amount">{move || evaluating().or_else(left)}</span>
            <progress aria-label=move || t().train.progress value=move || session.run.with(Run::share)></progress>
        </div>
    }
}

/// The last step in numbers.
#[component]
pub(super) fn Numbers() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let last = move |read: fn(&smolder_protocol::train::StepReport) -> Option<String>| {
        move || session.run.with(|run| run.steps.last().and_then(read)).unwrap_or_else(|| "–".to_owned())
    };
    let tile = move |label: fn(&Phrases) -> &'static str,
                     value: fn(&smolder_protocol::train::StepReport) -> Option<String>| {
        view! { <div><dt>{move || label(t())}</dt><dd>{last(value)}</dd></div> }
    };
    view! {
        <dl class="tiles" aria-label=move || t().train.numbers>
            {tile(|t| t.train.loss, |step| Some(format!("{:.3}", step.loss)))}
            {tile(|t| t.train.speed, |step| Some(number(step.tokens_per_s.round())))}
            {tile(|t| t.train.lr, |step| Some(number(step.lr)))}
            {tile(|t| t.train.memory, |step| step.memory.device_bytes.or(step.memory.process_bytes).map(units::bytes))}
        </dl>
    }
}

fn title(run: &Run, t: &Phrases) -> String {
    let w = &t.train;
    let step = units::count(run.step_done());
    match &run.status {
        Status::Idle => w.idle.to_owned(),
        Status::Starting => w.starting.to_owned(),
        Status::Running => {
            let steps = units::count(run.plan.as_ref().map_or(0, |plan| plan.steps));
            fill(w.running, &[("step", &step), ("steps", &steps)])
        }
        Status::Pausing => w.pausing.to_owned(),
        Status::Paused => fill(w.paused, &[("step", &step)]),
        Status::Stopping => w.stopping.to_owned(),
        Status::Finished(end) => note_line(&Note::Finished(*end), t),
        Status::Failed(_) | Status::Crashed(_) => w.failed.to_owned(),
        Status::Left => {
            let steps = units::count(run.plan.as_ref().map_or(0, |plan| plan.steps));
            fill(t.runs.left, &[("step", &step), ("steps", &steps)])
        }
    }
}

fn lead(run: &Run, t: &Phrases) -> String {
    let w = &t.train;
    match &run.status {
        Status::Idle => w.idle_lead.to_owned(),
        Status::Starting => w.starting_lead.to_owned(),
        Status::Running | Status::Pausing | Status::Stopping => w.running_lead.to_owned(),
        Status::Paused => w.paused_lead.to_owned(),
        Status::Finished(end) if end.cause == EndCause::Stopped => w.stopped_lead.to_owned(),
        Status::Finished(_) => learned(run, t),
        Status::Left => t.runs.left_lead.to_owned(),
        Status::Failed(_) | Status::Crashed(_) => String::new(),
    }
}

/// How far the loss fell, smoothed at both ends; nothing is claimed of one that did not fall.
fn learned(run: &Run, t: &Phrases) -> String {
    match run.fallen() {
        Some((first, last)) => {
            fill(t.train.complete_lead, &[("first", &format!("{first:.2}")), ("last", &format!("{last:.2}"))])
        }
        None => t.train.complete_flat.to_owned(),
    }
}

fn tone(status: &Status) -> &'static str {
    match status {
        Status::Idle => "",
        Status::Finished(_) => "good",
        Status::Failed(_) | Status::Crashed(_) => "bad",
        Status::Paused | Status::Left => "slow",
        _ => "running",
    }
}

fn spoken(run: &Run, t: &Phrases) -> String {
    match (&run.status, run.steps.last(), &run.plan) {
        (Status::Running, Some(step), Some(plan)) => {
            let values = [
                ("step", units::count(step.step)),
                ("steps", units::count(plan.steps)),
                ("loss", format!("{:.2}", step.loss)),
            ];
            fill(t.train.spoken, &values.each_ref().map(|(name, value)| (*name, &**value)))
        }
        _ => title(run, t),
    }
}
