//! Check: what this machine can do, and what to do when it cannot.

mod facts;
mod models;
mod next;
mod problems;
mod progress;
mod report;

use crate::link::{Failure, State};
use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::{Phrases, failure_words, fill};
use crate::units;
use crate::verdict::Verdict;
use facts::Facts;
use leptos::html::H1;
use leptos::prelude::*;
use next::Next;
use problems::{FailureCard, Problems};
use progress::Progress;
use report::Report;

#[component]
pub(crate) fn Check() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let headline = Memo::new(move |_| session.state.with(|state| headline(state, t())));
    // Said aloud once a step and at the end, not with every tick of the clock.
    let spoken = Memo::new(move |_| session.state.with(|state| spoken(state, t())));
    let lead = Memo::new(move |_| session.state.with(|state| lead(state, t())));
    let heading = NodeRef::<H1>::new();
    view! {
        <section class="check">
            <div class=move || session.state.with(class)>
                <h1 tabindex="-1" node_ref=heading>{headline}</h1>
                <p class="lead">{lead}</p>
                <Again heading/>
            </div>
            <p class="unseen" role="status">{spoken}</p>
            <Body/>
        </section>
    }
}

/// The part below the headline: one view per phase, rebuilt only when the phase changes.
#[component]
fn Body() -> impl IntoView {
    let session = Session::here();
    let phase = Memo::new(move |_| session.state.with(Phase::of));
    move || match phase.get() {
        Phase::Checking => view! { <Progress/> }.into_any(),
        Phase::Checked => view! { <Next/><Problems/><Facts/><Report/> }.into_any(),
        Phase::Stopped => view! { <FailureCard/><Report/> }.into_any(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Checking,
    Checked,
    Stopped,
}

impl Phase {
    fn of(state: &State) -> Self {
        match state {
            State::Checking { .. } => Self::Checking,
            State::Checked(_) => Self::Checked,
            State::Stopped(_) => Self::Stopped,
        }
    }
}

/// How long it took, and the way to do it again.
#[component]
fn Again(heading: NodeRef<H1>) -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    // A check begins with a fresh worker, which would end a run.
    let checked =
        move || session.state.with(|state| matches!(state, State::Checked(_))) && !session.training();
    let again = move |_| {
        session.restart();
        // The button goes away with this click; the keyboard's place should not.
        if let Some(heading) = heading.get_untracked() {
            let _ = heading.focus();
        }
    };
    view! {
        <Show when=checked>
            <p class="again">
                <span>{move || fill(t().checked_in, &[("time", &units::seconds(session.elapsed_secs.get()))])}</span>
                <button class="link" on:click=again>{move || t().check_again}</button>
            </p>
        </Show>
    }
}

fn headline(state: &State, t: &Phrases) -> String {
    match state {
        State::Checking { .. } => t.checking.to_owned(),
        State::Checked(check) => Verdict::of(check).headline(check, t),
        State::Stopped(failure) => failure_words(failure, t).title.to_owned(),
    }
}

fn spoken(state: &State, t: &Phrases) -> String {
    match state {
        State::Checking { step, .. } => step.phrase(t).to_owned(),
        _ => headline(state, t),
    }
}

fn lead(state: &State, t: &'static Phrases) -> &'static str {
    match state {
        State::Checking { .. } => t.checking_lead,
        State::Checked(check) => Verdict::of(check).lead(t),
        State::Stopped(Failure::OtherBuild { .. }) => t.reload_lead,
        State::Stopped(_) => t.stopped,
    }
}

fn class(state: &State) -> &'static str {
    match state {
        State::Checking { .. } => "verdict running",
        State::Checked(check) => Verdict::of(check).class(),
        State::Stopped(_) => "verdict bad",
    }
}
