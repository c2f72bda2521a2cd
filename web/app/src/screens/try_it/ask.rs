//! The prompt, and how the answer is written.

use super::super::model;
use super::super::parts::Amount;
use crate::answers::{Answers, Question};
use crate::choices::Choices;
use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::fill;
use crate::tried::{Candidate, candidates};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::model::{Message, Prompt, Sampling};
use smolder_protocol::{Command, StorageCommand};

const MOST_TOKENS: usize = 2048;
const HOTTEST: f32 = 5.0;
const WHOLE: u32 = 100;

/// What was typed, apart from the prompt.
#[derive(Clone, Copy)]
struct How {
    /// Whether the prompt is a question; else it is a beginning.
    question: RwSignal<bool>,
    tokens: RwSignal<usize>,
    temperature: RwSignal<f32>,
    seed: RwSignal<u64>,
    /// How much of the adapter's change is made.
    percent: RwSignal<u32>,
}

#[component]
pub(super) fn Ask() -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    if session.library.with_untracked(|library| library.runs.is_none()) {
        session.send(&Command::Storage(StorageCommand::Runs));
    }
    let found = Memo::new(move |_| {
        session.library.with(|library| choices.trained.with(|run| candidates(library, run.as_ref())))
    });
    let chosen = Memo::new(move |_| chosen(&found.get(), choices.tried.get().as_deref()));
    let run = chosen.with_untracked(|chosen| chosen.as_ref().and_then(|chosen| chosen.run.clone()));
    let prompt = RwSignal::new(run.as_ref().and_then(|run| run.samples.first().cloned()).unwrap_or_default());
    let raw = run.is_some_and(|run| run.raw);
    let how = How {
        question: RwSignal::new(!raw),
        tokens: RwSignal::new(96),
        temperature: RwSignal::new(0.0),
        seed: RwSignal::new(0),
        percent: RwSignal::new(WHOLE),
    };
    let busy = Memo::new(move |_| session.answers.with(Answers::busy));
    let training = Memo::new(move |_| session.training());
    let ask = move || {
        let Some(Candidate { adapter, model, .. }) = chosen.get_untracked() else { return };
        let prompt = prompt.get_untracked();
        if !prompt.trim().is_empty() && !busy.get_untracked() && !training.get_untracked() {
            session.ask(&model, question(prompt, how, adapter));
        }
    };
    let stop = move |_| {
        session.answers.update(Answers::stop);
        session.send(&Command::Cancel);
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        ask();
    };
    view! {
        <form class="ask" on:submit=submit>
            <WhichAdapter found chosen how/>
            <label class="field wide">
                <span>{move || t().try_it.prompt}</span>
                <textarea
                    rows="3"
                    id="prompt"
                    placeholder=move || t().try_it.prompt_hint
                    prop:value=prompt
                    on:input=move |event| prompt.set(event_target_value(&event))
                ></textarea>
            </label>
            <Details how/>
            <p class="buttons">
                <button
                    class="primary"
                    type="submit"
                    disabled=move || busy.get() || training.get() || prompt.with(|prompt| prompt.trim().is_empty())
                >
                    {move || t().try_it.go}
                </button>
                <Show when=move || busy.get()>
                    <button type="button" on:click=stop>{move || t().try_it.stop}</button>
                </Show>
            </p>
        </form>
        <LoadingModel/>
    }
}

fn question(prompt: String, how: How, adapter: String) -> Question {
    let prompt = if how.question.get_untracked() {
        Prompt::Chat(vec![Message { role: "user".to_owned(), content: prompt }])
    } else {
        Prompt::Text(prompt)
    };
    let (temperature, seed) = (how.temperature.get_untracked(), how.seed.get_untracked());
    let sampling = Sampling { temperature, seed, ..Sampling::default() };
    let percent = Some(how.percent.get_untracked()).filter(|percent| *percent != WHOLE);
    let strength = percent.map(|percent| percent as f32 / WHOLE as f32);
    Question { prompt, sampling, max_tokens: how.tokens.get_untracked(), adapter, strength }
}

/// The one that was asked for, else the first.
fn chosen(found: &[Candidate], wanted: Option<&str>) -> Option<Candidate> {
    found.iter().find(|one| Some(&*one.adapter) == wanted).or(found.first()).cloned()
}

/// The adapter, where there are several, and how much of it.
#[component]
fn WhichAdapter(found: Memo<Vec<Candidate>>, chosen: Memo<Option<Candidate>>, how: How) -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    let option = move |one: Candidate| {
        let adapter = one.adapter.clone();
        let selected =
            move || chosen.with(|chosen| chosen.as_ref().is_some_and(|chosen| chosen.adapter == adapter));
        view! {
            <option value=one.adapter selected=selected>
                {one.name} " · " {move || model::title(&one.model, t())}
            </option>
        }
    };
    let strength = move |event| {
        if let Ok(percent) = event_target_value(&event).parse() {
            how.percent.set(percent);
        }
    };
    view! {
        <div class="fields two">
            <label class="field">
                <span>{move || t().try_it.adapter}</span>
                <select id="adapter" on:change=move |event| choices.tried.set(Some(event_target_value(&event)))>
                    {move || found.get().into_iter().map(option).collect_view()}
                </select>
            </label>
            <label class="field">
                <span>{move || fill(t().try_it.strength, &[("percent", &how.percent.get().to_string())])}</span>
                <input type="range" id="strength" min="0" max="200" step="10" prop:value=move || how.percent.get() on:input=strength/>
                <span class="aside">{move || t().try_it.strength_about}</span>
            </label>
        </div>
    }
}

#[component]
fn Details(how: How) -> impl IntoView {
    let t = move || Preferences::here().phrases();
    let number = move |event| event_target_value(&event);
    let tokens = move |event| {
        if let Ok(tokens) = number(event).trim().parse::<usize>() {
            how.tokens.set(tokens.clamp(1, MOST_TOKENS));
        }
        how.tokens.notify();
    };
    let temperature = move |event| {
        if let Ok(value) = number(event).trim().parse::<f32>() {
            how.temperature.set(if value.is_finite() { value.clamp(0.0, HOTTEST) } else { 0.0 });
        }
        how.temperature.notify();
    };
    let seed = move |event| {
        if let Ok(value) = number(event).trim().parse() {
            how.seed.set(value);
        }
        how.seed.notify();
    };
    let kind = move |event| how.question.set(event_target_value(&event) == "question");
    view! {
        <details class="fold">
            <summary>{move || t().try_it.how}</summary>
            <div class="fields">
                <label class="field">
                    <span>{move || t().try_it.kind}</span>
                    <select on:change=kind>
                        <option value="question" selected=move || how.question.get()>{move || t().try_it.kind_question}</option>
                        <option value="text" selected=move || !how.question.get()>{move || t().try_it.kind_beginning}</option>
                    </select>
                </label>
                <label class="field">
                    <span>{move || t().try_it.length}</span>
                    <input type="text" inputmode="numeric" name="max-tokens" prop:value=move || how.tokens.get().to_string() on:change=tokens/>
                </label>
                <label class="field">
                    <span>{move || t().try_it.temperature}</span>
                    <input type="text" inputmode="decimal" name="temperature" prop:value=move || how.temperature.get().to_string() on:change=temperature/>
                    <span class="aside">{move || t().try_it.temperature_about}</span>
                </label>
                <label class="field">
                    <span>{move || t().try_it.seed}</span>
                    <input type="text" inputmode="numeric" name="seed" prop:value=move || how.seed.get().to_string() on:change=seed/>
                </label>
            </div>
        </details>
    }
}

/// After a reload the base model goes to its device first.
#[component]
fn LoadingModel() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let label = Signal::derive(move || t().train.starting.to_owned());
    let share = Signal::derive(move || {
        session.loading.get().filter(|(_, total)| *total > 0).map(|(done, total)| done as f64 / total as f64)
    });
    let words = Signal::derive(move || {
        let both = session.loading.get().map(|(done, total)| (units::bytes(done), units::bytes(total)));
        both.map(|(done, total)| fill(t().model.of, &[("done", &done), ("total", &total)]))
            .unwrap_or_default()
    });
    view! {
        <Show when=move || session.loading.get().is_some()>
            <Amount label share words/>
        </Show>
    }
}
