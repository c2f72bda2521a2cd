//! A run, and what one can do with it.

use super::super::model;
use super::super::parts::trouble;
use crate::browser::{date, words_of};
use crate::preferences::Preferences;
use crate::route::Screen;
use crate::session::Session;
use crate::text::{Language, Phrases, Words, fill};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::record::{StoredRun, Summary};
use smolder_protocol::train::EndCause;

#[component]
pub(super) fn OneRun(run: StoredRun) -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let (name, known) = (run.name.clone(), run.summary.is_some());
    let can_go_on = run.can_go_on();
    let run = StoredValue::new(run);
    let busy = Memo::new(move |_| session.training());
    let elsewhere = move || session.elsewhere.get();
    let now =
        Memo::new(move |_| (busy.get() || elsewhere()) && run.with_value(|run| session.is_held(&run.name)));
    let kept = Memo::new(move |_| busy.get() || now.get());
    let failed = RwSignal::new(None::<String>);
    let open = move |_| {
        leptos::task::spawn_local(async move {
            match session.open(&run.get_value()).await {
                Ok(()) => show_train(),
                Err(error) => failed.set(Some(words_of(&error))),
            }
        });
    };
    let go_on = move |_| {
        if let Some(summary) = run.with_value(|run| run.summary.clone()) {
            session.go_on(summary.config);
            show_train();
        }
    };
    let about = move || run.with_value(|run| about(run, t()));
    let state = move || run.with_value(|run| state(run, now.get(), t()));
    let facts = move || run.with_value(|run| facts(run, t(), Preferences::here().language()));
    let label = name.clone();
    view! {
        <li class="card run">
            <h2 translate="no">{name}</h2>
            <p>{about}</p>
            <p class="aside"><strong>{state}</strong> " · " {facts}</p>
            <p class="buttons">
                <Show when=move || known>
                    <button name="open" disabled=busy on:click=open>{move || t().runs.open}</button>
                </Show>
                <Show when=move || can_go_on>
                    <button name="go-on" disabled=move || busy.get() || elsewhere() on:click=go_on>{move || t().runs.go_on}</button>
                </Show>
                <Delete name=label busy=kept/>
            </p>
            {move || failed.get().map(|reason| {
                trouble(Words::new(t().runs.failed, t().storage.refused_do).quoting(&reason))
            })}
        </li>
    }
}

/// Deletion in two steps.
#[component]
fn Delete(name: String, busy: Memo<bool>) -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let sure = RwSignal::new(false);
    let name = StoredValue::new(name);
    view! {
        <Show
            when=move || sure.get()
            fallback=move || view! {
                <button class="link" name="delete" disabled=busy on:click=move |_| sure.set(true)>
                    {move || t().runs.delete} <span class="unseen">" " {move || name.get_value()}</span>
                </button>
            }
        >
            <span class="sure" role="alert">
                {move || t().runs.sure}
                <button class="link" name="yes" disabled=busy on:click=move |_| session.remove_run(&name.get_value())>
                    {move || t().runs.yes}
                </button>
                <button class="link" on:click=move |_| sure.set(false)>{move || t().runs.keep}</button>
            </span>
        </Show>
    }
}

fn show_train() {
    let _ = window().location().set_hash(Screen::Train.hash());
}

fn about(run: &StoredRun, t: &Phrases) -> String {
    match &run.summary {
        Some(Summary { config, .. }) => format!("{} · {}", model::title(&config.model, t), config.data),
        None => t.runs.unknown.to_owned(),
    }
}

fn state(run: &StoredRun, now: bool, t: &Phrases) -> &'static str {
    let w = &t.runs;
    match run.summary.as_ref().and_then(|summary| summary.end) {
        _ if now => w.running,
        Some(EndCause::Complete) => w.complete,
        Some(EndCause::EarlyStopping) => w.early,
        Some(EndCause::Stopped) => w.stopped,
        None => w.broken,
    }
}

/// Steps, loss, date and size.
fn facts(run: &StoredRun, t: &Phrases, language: Language) -> String {
    let mut facts = Vec::new();
    if let Some(summary) = &run.summary {
        let step = units::count(summary.step);
        facts.push(match summary.steps.map(units::count) {
            Some(steps) => fill(t.runs.progress, &[("step", &step), ("steps", &steps)]),
            None => fill(t.runs.steps, &[("step", &step)]),
        });
        facts.extend(summary.loss.map(|loss| fill(t.runs.loss, &[("loss", &format!("{loss:.3}"))])));
    }
    facts.extend([date(run.changed_ms, language.tag()), units::bytes(run.bytes)]);
    facts.join(" · ")
}
