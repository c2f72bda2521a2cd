//! One setting: its label, its field, and what is wrong with it.

use crate::choices::Choices;
use crate::form::{Field, problem_of};
use crate::preferences::Preferences;
use crate::text::{Phrases, fill};
use leptos::prelude::*;
use smolder_protocol::TrainConfig;
use smolder_protocol::train::Invalid;

/// A value and its words.
pub(super) type Named<T> = (T, fn(&Phrases) -> &'static str);

/// A setting that is typed.
#[component]
pub(super) fn Typed(
    /// Which one.
    field: Field,
    /// What it is.
    label: fn(&Phrases) -> &'static str,
    /// What an empty field means.
    #[prop(optional)]
    empty: Option<fn(&Phrases) -> &'static str>,
) -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    let unread = RwSignal::new(None::<String>);
    let input = move |event| {
        let text = event_target_value(&event);
        let mut config = choices.config.get_untracked();
        let read = (field.write)(&mut config, &text);
        unread.set((!read).then_some(text));
        if read {
            choices.config.set(config);
        }
    };
    let wrong = Memo::new(move |_| {
        let problem = choices.config.with(|config| problem_of(&config.problems(), field.setting));
        let expected = |found| Invalid {
            setting: field.setting.to_owned(),
            expected: t().settings.wrong_number.to_owned(),
            found,
        };
        unread.get().map(expected).or(problem)
    });
    let words = move || wrong.get().map(|wrong| wrong_words(&wrong, t()));
    let value = move || choices.config.with(|config| (field.read)(config));
    let placeholder = move || empty.map(|empty| fill(t().settings.empty_for, &[("value", empty(t()))]));
    view! {
        <label class="field">
            <span>{move || label(t())}</span>
            <input
                type="text"
                inputmode="decimal"
                name=field.setting
                autocomplete="off"
                placeholder=placeholder
                aria-invalid=move || wrong.with(Option::is_some).to_string()
                prop:value=value
                on:change=input
            />
            <span class="wrong" role="status">{words}</span>
        </label>
    }
}

fn wrong_words(wrong: &Invalid, t: &Phrases) -> String {
    fill(t.settings.wrong, &[("expected", &wrong.expected), ("found", &wrong.found)])
}

/// A setting that is on or off.
#[component]
pub(super) fn Switched(
    /// What it is.
    label: fn(&Phrases) -> &'static str,
    /// Whether it is on.
    read: fn(&TrainConfig) -> bool,
    /// Switches it.
    write: fn(&mut TrainConfig, bool),
) -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    view! {
        <label class="field check">
            <input
                type="checkbox"
                prop:checked=move || choices.config.with(read)
                on:change=move |event| choices.change(|config| write(config, event_target_checked(&event)))
            />
            <span>{move || label(t())}</span>
        </label>
    }
}

/// A setting that is one of some.
#[component]
pub(super) fn Chosen<T: Copy + PartialEq + Send + Sync + 'static>(
    /// What it is.
    label: fn(&Phrases) -> &'static str,
    /// All there are, each with its words.
    all: &'static [Named<T>],
    /// Which it is.
    read: fn(&TrainConfig) -> T,
    /// Chooses one.
    write: fn(&mut TrainConfig, T),
) -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    let option = move |(index, (value, words)): (usize, &'static Named<T>)| {
        let selected = move || choices.config.with(|config| read(config) == *value);
        view! { <option value=index.to_string() selected=selected>{move || words(t())}</option> }
    };
    let choose = move |event| {
        let index: Option<usize> = event_target_value(&event).parse().ok();
        if let Some((value, _)) = index.and_then(|index| all.get(index)) {
            choices.change(|config| write(config, *value));
        }
    };
    view! {
        <label class="field">
            <span>{move || label(t())}</span>
            <select on:change=choose>{all.iter().enumerate().map(option).collect_view()}</select>
        </label>
    }
}
