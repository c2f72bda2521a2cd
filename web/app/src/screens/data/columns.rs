//! Which column is which, asked of the person.

use super::super::parts::with_code;
use crate::choices::Choices;
use crate::examples::{likely_column, mapping};
use crate::preferences::Preferences;
use leptos::prelude::*;

/// What is learned of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Pair,
    Text,
}

#[component]
pub(super) fn Columns(
    /// The file's columns.
    columns: Vec<String>,
) -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    let guess = |field| RwSignal::new(likely_column(field, &columns).unwrap_or_default().to_owned());
    let (prompt, completion, text) = (guess("prompt"), guess("completion"), guess("text"));
    let pair = prompt.with_untracked(|name| !name.is_empty()) || columns.len() > 1;
    let shape = RwSignal::new(if pair { Shape::Pair } else { Shape::Text });
    let complete = Memo::new(move |_| match shape.get() {
        Shape::Pair => prompt.with(|a| completion.with(|b| !a.is_empty() && !b.is_empty() && a != b)),
        Shape::Text => text.with(|name| !name.is_empty()),
    });
    let apply = move |_| {
        let map = match shape.get_untracked() {
            Shape::Pair => {
                mapping(&[(&prompt.get_untracked(), "prompt"), (&completion.get_untracked(), "completion")])
            }
            Shape::Text => mapping(&[(&text.get_untracked(), "text")]),
        };
        choices.change(|config| config.map = map);
    };
    let columns = StoredValue::new(columns);
    let choose_shape = move |event| {
        shape.set(if event_target_value(&event) == "text" { Shape::Text } else { Shape::Pair });
    };
    view! {
        <h2>{move || t().data.columns}</h2>
        <p class="aside">{move || with_code(t().data.columns_lead)}</p>
        <div class="fields">
            <label class="field">
                <span>{move || t().data.map_as}</span>
                <select on:change=choose_shape>
                    <option value="pair" selected=move || shape.get() == Shape::Pair>{move || t().data.map_pair}</option>
                    <option value="text" selected=move || shape.get() == Shape::Text>{move || t().data.map_plain}</option>
                </select>
            </label>
            {move || match shape.get() {
                Shape::Pair => view! {
                    <Column label=t().data.map_prompt columns column=prompt/>
                    <Column label=t().data.map_completion columns column=completion/>
                }
                .into_any(),
                Shape::Text => view! { <Column label=t().data.map_text columns column=text/> }.into_any(),
            }}
        </div>
        <p class="buttons">
            <button class="primary" on:click=apply disabled=move || !complete.get()>{move || t().data.apply}</button>
        </p>
    }
}

#[component]
fn Column(label: &'static str, columns: StoredValue<Vec<String>>, column: RwSignal<String>) -> impl IntoView {
    let option = move |name: String| {
        let chosen = {
            let name = name.clone();
            move || column.with(|column| *column == name)
        };
        let value = name.clone();
        view! { <option value=value selected=chosen>{name}</option> }
    };
    view! {
        <label class="field">
            <span>{label}</span>
            <select on:change=move |event| column.set(event_target_value(&event))>
                <option value="">"–"</option>
                {columns.get_value().into_iter().map(option).collect_view()}
            </select>
        </label>
    }
}
