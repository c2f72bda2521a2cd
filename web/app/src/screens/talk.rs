//! Try: a conversation with the loaded model.

use crate::preferences::Preferences;
use crate::route::Screen;
use crate::screens::words::trouble_card;
use crate::session::Session;
use crate::talk::{Speaker, Talk};
use crate::text::{Phrases, fill, model_words};
use crate::units;
use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::prelude::*;
use smolder_protocol::model::{End, Sampling, Written};

#[component]
pub(crate) fn Try() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let model =
        Memo::new(move |_| session.library.with(|library| Some(library.loaded.as_ref()?.model.clone())));
    view! {
        <section class="screen">
            <div class="heading">
                <h1 tabindex="-1">{move || t().try_title}</h1>
                <p class="lead">{move || model.get().unwrap_or_else(|| t().try_lead.to_owned())}</p>
            </div>
            <Show when=move || model.get().is_some() fallback=move || view! { <NoModel/> }>
                <Conversation/>
            </Show>
        </section>
    }
}

#[component]
fn NoModel() -> impl IntoView {
    let t = move || Preferences::here().phrases();
    view! {
        <div class="card">
            <p>{move || t().no_model_lead}</p>
            <a class="button primary" href=Screen::Model.link()>{move || t().choose_model}</a>
        </div>
    }
}

#[component]
fn Conversation() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let count = Memo::new(move |_| session.talk.with(|talk| talk.turns.len()));
    let trouble = Memo::new(move |_| session.talk.with(|talk| talk.trouble.clone()));
    view! {
        <ol class="turns" role="log" aria-live="off">
            {move || (0..count.get()).map(|index| view! { <TurnLine index/> }).collect_view()}
        </ol>
        {move || trouble.get().map(|failure| trouble_card(model_words(&failure, t()), t()))}
        <p class="state" role="status">{move || session.talk.with(|talk| state(talk, t()))}</p>
        <Ask/>
    }
}

/// A turn, whose text alone changes while it is written.
#[component]
fn TurnLine(index: usize) -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let speaker = move || session.talk.with(|talk| talk.turns.get(index).map(|turn| turn.speaker));
    let name = move || if speaker() == Some(Speaker::Person) { t().you } else { t().model_said };
    let text = move || session.talk.with(|talk| talk.turns.get(index).map(|turn| turn.text.clone()));
    view! {
        <li class="turn" class:person=move || speaker() == Some(Speaker::Person)>
            <p class="who">{name}</p>
            <p class="said">{text}</p>
        </li>
    }
}

#[component]
fn Ask() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let text = RwSignal::new(String::new());
    let temperature = RwSignal::new("0".to_owned());
    let max_tokens = RwSignal::new("128".to_owned());
    let seed = RwSignal::new("0".to_owned());
    let busy = Memo::new(move |_| session.talk.with(|talk| talk.writing.is_some()));
    let send = move || {
        let asked = text.get_untracked();
        if asked.trim().is_empty() || busy.get_untracked() {
            return;
        }
        let temperature = temperature.get_untracked().parse().unwrap_or_default();
        let seed = seed.get_untracked().parse().unwrap_or_default();
        let sampling = Sampling { temperature, seed, ..Sampling::default() };
        session.ask(asked.trim(), sampling, max_tokens.get_untracked().parse().unwrap_or(128));
        text.set(String::new());
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        send();
    };
    let enter = move |event: KeyboardEvent| {
        // An input method ends a word with Enter too.
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            send();
        }
    };
    view! {
        <form class="ask" on:submit=submit>
            <label for="message">{move || t().your_message}</label>
            <textarea id="message" rows="3" bind:value=text on:keydown=enter></textarea>
            <p class="actions">
                <Show
                    when=move || busy.get()
                    fallback=move || view! { <button class="primary" type="submit">{move || t().send}</button> }
                >
                    <button type="button" class="stop" on:click=move |_| session.cancel()>{move || t().stop}</button>
                </Show>
                <button type="button" disabled=busy on:click=move |_| session.talk.set(Talk::default())>
                    {move || t().start_over}
                </button>
            </p>
            <details>
                <summary>{move || t().how_to_write}</summary>
                <div class="settings">
                    <label>
                        {move || t().temperature}
                        <input type="number" min="0" max="5" step="0.1" bind:value=temperature/>
                        <small>{move || t().temperature_hint}</small>
                    </label>
                    <label>
                        {move || t().max_tokens}
                        <input type="number" min="1" max="100000" step="1" bind:value=max_tokens/>
                    </label>
                    <label>
                        {move || t().seed}
                        <input type="number" min="0" step="1" bind:value=seed/>
                    </label>
                </div>
            </details>
        </form>
    }
}

/// What is going on, or how the last answer went.
fn state(talk: &Talk, t: &Phrases) -> String {
    match (talk.read, talk.writing, &talk.written) {
        (Some((done, total)), Some(_), _) => {
            fill(t.reading, &[("done", &done.to_string()), ("total", &total.to_string())])
        }
        (None, Some(_), _) => t.thinking.to_owned(),
        (_, None, Some(written)) => summary(written, t),
        (_, None, None) => String::new(),
    }
}

fn summary(written: &Written, t: &Phrases) -> String {
    let (tokens, first) = (written.tokens.to_string(), units::seconds(written.first_token_secs));
    let speed = written.tokens_per_s().map(|speed| format!("{speed:.1}"));
    let values = [("tokens", &*tokens), ("first", &*first), ("speed", speed.as_deref().unwrap_or_default())];
    let pace = fill(if speed.is_some() { t.written_speed } else { t.written }, &values);
    match written.end {
        End::Model | End::Stop(_) => pace,
        End::MaxTokens => format!("{pace} · {}", t.ended_limit),
        End::Context => format!("{pace} · {}", t.ended_context),
        End::Cancelled => format!("{pace} · {}", t.ended_cancelled),
    }
}
