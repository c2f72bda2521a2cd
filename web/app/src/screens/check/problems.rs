//! Problems as cards: what it is, what to do, the platform's own words.

use crate::link::{Failure, State};
use crate::preferences::Preferences;
use crate::screens::words::advice;
use crate::session::Session;
use crate::text::{Phrases, failure_words, problem_words};
use leptos::prelude::*;
use smolder_protocol::{Problem, Severity};

#[component]
pub(super) fn Problems() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let problems = move || {
        session.state.with(|state| match state {
            State::Checked(check) => check.problems.clone(),
            _ => Vec::new(),
        })
    };
    view! {
        <Show when=move || !problems().is_empty()>
            <h2 class="unseen">{move || t().problems}</h2>
            <ul class="cards">{move || problems().iter().map(|problem| card(problem, t())).collect_view()}</ul>
        </Show>
    }
}

fn card(problem: &Problem, t: &Phrases) -> impl IntoView + use<> {
    let (class, tag) = match problem.severity() {
        Severity::Blocking => ("card bad", t.blocking),
        Severity::Slow => ("card slow", t.slows),
        Severity::Note => ("card note", t.note),
    };
    let words = problem_words(problem, t);
    view! {
        <li class=class>
            <p class="tag">{tag}</p>
            <h3>{words.title}</h3>
            {advice(words, t)}
        </li>
    }
}

/// Why there is no verdict, and the way on.
#[component]
pub(super) fn FailureCard() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let failure = move || {
        session.state.with(|state| match state {
            State::Stopped(failure) => Some(failure.clone()),
            _ => None,
        })
    };
    move || failure().map(|failure| failure_card(&failure, t(), session))
}

fn failure_card(failure: &Failure, t: &'static Phrases, session: Session) -> impl IntoView + use<> {
    let words = failure_words(failure, t);
    let reload = matches!(failure, Failure::OtherBuild { .. });
    let go_on = move |_| {
        if reload {
            let _ = window().location().reload();
        } else {
            session.restart();
        }
    };
    view! {
        <div class="card bad">
            {advice(words, t)}
            <button class="primary" on:click=go_on>{if reload { t.reload } else { t.retry }}</button>
        </div>
    }
}
