//! The check under way: its steps, how far each is, and the time.

use crate::link::{Loading, State, Step};
use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::{Phrases, fill};
use crate::units;
use leptos::prelude::*;
use std::cmp::Ordering;

#[component]
pub(super) fn Progress() -> impl IntoView {
    let session = Session::here();
    let current = Memo::new(move |_| session.state.with(current));
    view! {
        <ol class="steps">{Step::ALL.map(|step| view! { <StepLine step current/> })}</ol>
        <p class="clock" aria-hidden="true">{move || units::seconds(session.elapsed_secs.get())}</p>
    }
}

#[component]
fn StepLine(step: Step, current: Memo<Step>) -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let place = move || step.cmp(&current.get());
    view! {
        <li class=move || class(place()) aria-current=move || (place() == Ordering::Equal).then_some("step")>
            <span>{move || step.phrase(t())}</span>
            <span class="unseen">{move || spoken(place(), t())}</span>
            <span class="amount">{move || session.state.with(|state| amount(state, step, t()))}</span>
        </li>
    }
}

fn current(state: &State) -> Step {
    match state {
        State::Checking { step, .. } => *step,
        _ => Step::Storage,
    }
}

fn class(place: Ordering) -> &'static str {
    match place {
        Ordering::Less => "step done",
        Ordering::Equal => "step current",
        Ordering::Greater => "step",
    }
}

fn spoken(place: Ordering, t: &Phrases) -> &'static str {
    match place {
        Ordering::Less => t.step_done,
        Ordering::Equal => t.step_current,
        Ordering::Greater => t.step_waiting,
    }
}

/// How much of the trainer's program has come, beside the step that loads it.
fn amount(state: &State, step: Step, t: &Phrases) -> String {
    match state {
        State::Checking { step: Step::Worker, loading: Some(loading) } if step == Step::Worker => {
            loaded(*loading, t)
        }
        _ => String::new(),
    }
}

fn loaded(Loading { loaded_bytes, total_bytes }: Loading, t: &Phrases) -> String {
    let loaded = units::bytes(loaded_bytes);
    match total_bytes {
        Some(total) => fill(t.loaded_of, &[("loaded", &loaded), ("total", &units::bytes(total))]),
        None => fill(t.loaded, &[("loaded", &loaded)]),
    }
}
