//! Examples pasted as text.

use super::take_text;
use crate::choices::Choices;
use crate::examples::Writing;
use crate::preferences::Preferences;
use crate::text::{Phrases, fill};
use leptos::prelude::*;

/// The file's name without its ending.
pub(super) const STEM: &str = "pasted";

#[component]
pub(super) fn Paste() -> impl IntoView {
    let pasted = Choices::here().pasted;
    let t = move || Preferences::here().phrases();
    // What the person says; without a word, what it looks like.
    let said = RwSignal::new(None::<Writing>);
    let seen = Memo::new(move |_| pasted.with(|text| Writing::of(text)));
    let take = move |_| {
        let writing = said.get_untracked().unwrap_or_else(|| seen.get_untracked());
        pasted.with_untracked(|text| take_text(&format!("{STEM}.{}", writing.extension()), text));
    };
    let choose = move |event| {
        let value = event_target_value(&event);
        said.set(Writing::ALL.into_iter().find(|writing| writing.extension() == value));
    };
    let option = move |writing: Writing| {
        view! { <option value=writing.extension() selected=move || said.get() == Some(writing)>{move || name(writing, t())}</option> }
    };
    view! {
        <div class="pasted">
            <label class="field">
                <span>{move || t().data.paste}</span>
                <textarea
                    rows="8"
                    spellcheck="false"
                    placeholder=move || t().data.paste_hint
                    prop:value=pasted
                    on:input=move |event| pasted.set(event_target_value(&event))
                ></textarea>
            </label>
            <p class="buttons">
                <label class="inline">
                    <span>{move || t().data.read_as}</span>
                    <select on:change=choose>
                        <option value="">{move || fill(t().data.read_auto, &[("kind", name(seen.get(), t()))])}</option>
                        {Writing::ALL.map(option)}
                    </select>
                </label>
                <button class="primary" on:click=take disabled=move || pasted.with(|text| text.trim().is_empty())>
                    {move || t().data.use_these}
                </button>
            </p>
        </div>
    }
}

fn name(writing: Writing, t: &Phrases) -> &'static str {
    match writing {
        Writing::JsonLines => t.data.json_lines,
        Writing::Csv => t.data.csv,
        Writing::Tsv => t.data.tsv,
        Writing::Plain => t.data.plain,
    }
}
