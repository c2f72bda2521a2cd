//! Examples typed into a table.

use super::take_text;
use crate::choices::Choices;
use crate::examples::{Pair, json_lines};
use crate::preferences::Preferences;
use crate::text::fill;
use leptos::prelude::*;

/// The file's name without its ending.
pub(super) const STEM: &str = "typed";

#[component]
pub(super) fn Table() -> impl IntoView {
    let typed = Choices::here().typed;
    let t = move || Preferences::here().phrases();
    let text = Memo::new(move |_| typed.with(|pairs| json_lines(pairs)));
    let add = move |_| typed.update(|pairs| pairs.push(Pair::default()));
    let take = move |_| take_text(&format!("{STEM}.jsonl"), &text.get_untracked());
    let rows = Memo::new(move |_| typed.with(Vec::len));
    view! {
        <div class="typed">
            <ol>
                <For each=move || 0..rows.get() key=|row| *row let:row>
                    <TypedRow row/>
                </For>
            </ol>
            <p class="buttons">
                <button on:click=add>{move || t().data.add_row}</button>
                <button class="primary" on:click=take disabled=move || text.with(String::is_empty)>
                    {move || t().data.use_these}
                </button>
            </p>
        </div>
    }
}

#[component]
fn TypedRow(row: usize) -> impl IntoView {
    let typed = Choices::here().typed;
    let t = move || Preferences::here().phrases();
    let number = (row + 1).to_string();
    let named = move |text: &str| fill(text, &[("number", &number)]);
    let label = {
        let named = named.clone();
        move || named(t().data.row)
    };
    let removal = move || named(t().data.remove_row);
    let field = move |name: fn(&mut Pair) -> &mut String, label: fn() -> &'static str| {
        let value = move || {
            typed.with(|pairs| pairs.get(row).cloned().map(|mut pair| std::mem::take(name(&mut pair))))
        };
        let input = move |event| {
            typed.update(|pairs| {
                if let Some(pair) = pairs.get_mut(row) {
                    *name(pair) = event_target_value(&event);
                }
            });
        };
        view! {
            <label class="field">
                <span>{label}</span>
                <textarea rows="2" prop:value=move || value().unwrap_or_default() on:input=input></textarea>
            </label>
        }
    };
    let remove = move |_| {
        typed.update(|pairs| {
            if row < pairs.len() {
                pairs.remove(row);
            }
        });
    };
    view! {
        <li aria-label=label>
            {field(|pair| &mut pair.prompt, || Preferences::here().phrases().data.prompt)}
            {field(|pair| &mut pair.completion, || Preferences::here().phrases().data.completion)}
            <button class="link" on:click=remove><span aria-hidden="true">"×"</span><span class="unseen">{removal}</span></button>
        </li>
    }
}
