//! The method, and a form made from what the method says of its settings.

use super::super::parts::{Choice, with_code};
use crate::choices::Choices;
use crate::form::{option_text, option_value, set_option};
use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::{fill, method_words, option_label};
use leptos::prelude::*;
use smolder_protocol::{MethodSpec, OptionSpec};

/// Methods that are shown at once.
const COMMON: [&str; 2] = ["lora", "prompt-tuning"];

#[component]
pub(super) fn Methods() -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let others = Memo::new(move |_| those(session, false));
    // Where one of them is chosen when the screen opens, it is in sight.
    let chosen_among_others = choices.config.with_untracked(|config| !COMMON.contains(&&*config.method));
    let more = move || {
        let count = others.with(Vec::len).to_string();
        fill(t().settings.more_methods, &[("count", &count)])
    };
    view! {
        <fieldset class="choices columns">
            <legend><h2>{move || t().settings.method}</h2></legend>
            {move || views(those(session, true))}
            <Show when=move || others.with(|others| !others.is_empty())>
                <details class="more" open=chosen_among_others>
                    <summary>{more}</summary>
                    <div class="choices columns">{move || views(others.get())}</div>
                </details>
            </Show>
        </fieldset>
    }
}

/// The common methods, or the others.
fn those(session: Session, common: bool) -> Vec<MethodSpec> {
    let meant = |spec: &&MethodSpec| COMMON.contains(&&*spec.name) == common;
    session.methods.with(|all| all.iter().filter(meant).cloned().collect())
}

fn views(specs: Vec<MethodSpec>) -> impl IntoView {
    specs.into_iter().map(|spec| view! { <Method spec/> }).collect_view()
}

#[component]
fn Method(spec: MethodSpec) -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    let value = spec.name.clone();
    let spec = StoredValue::new(spec);
    let title = Signal::derive(move || spec.with_value(|spec| method_words(spec, t()).0));
    let about = Signal::derive(move || spec.with_value(|spec| method_words(spec, t()).1));
    let chosen = Signal::derive(move || {
        choices.config.with(|config| spec.with_value(|spec| spec.name == config.method))
    });
    let choose = Callback::new(move |()| {
        choices.change(|config| {
            config.method = spec.with_value(|spec| spec.name.clone());
            config.options.clear();
        });
    });
    view! { <Choice group="method" value=value title about amount="" chosen choose/> }
}

/// The chosen method's own settings.
#[component]
pub(super) fn MethodOptions() -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let name = Memo::new(move |_| choices.config.with(|config| config.method.clone()));
    let spec = Memo::new(move |_| {
        session
            .methods
            .with(|methods| methods.iter().find(|spec| name.with(|name| spec.name == *name)).cloned())
    });
    let heading = move || {
        let name = spec.get().map(|spec| method_words(&spec, t()).0).unwrap_or_default();
        fill(t().settings.group_method, &[("name", &name)])
    };
    let options = move || spec.get().map(|spec| spec.options).unwrap_or_default();
    view! {
        <h3>{heading}</h3>
        <div class="fields">
            {move || options().into_iter().map(|option| view! { <MethodOption method=name.get() option/> }).collect_view()}
        </div>
    }
}

#[component]
fn MethodOption(method: String, option: OptionSpec) -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    let switch = option.default.is_boolean();
    let name = option.name.clone();
    let option = StoredValue::new(option);
    let unread = RwSignal::new(None::<String>);
    let value = move || {
        choices
            .config
            .with(|config| option.with_value(|option| option_text(config, &option.name, &option.default)))
    };
    let write = move |text: String| {
        let found = option.with_value(|option| option_value(&option.default, &text));
        unread.set(found.is_none().then_some(text));
        if let Some(value) = found {
            choices.change(|config| {
                option.with_value(|option| set_option(config, &option.name, &option.default, value));
            });
        }
    };
    let label = move || with_code(&option.with_value(|option| option_label(&method, option, t())));
    let wrong = move || {
        let expected = t().settings.wrong_number;
        unread.get().map(|found| fill(t().settings.wrong, &[("expected", expected), ("found", &found)]))
    };
    if switch {
        let checked = move || value() == "true";
        let change = move |event| write(event_target_checked(&event).to_string());
        return view! {
            <label class="field check">
                <input type="checkbox" name=name prop:checked=checked on:change=change/>
                <span>{label}</span>
            </label>
        }
        .into_any();
    }
    view! {
        <label class="field">
            <span>{label}</span>
            <input type="text" name=name autocomplete="off" prop:value=value on:change=move |event| write(event_target_value(&event))/>
            <span class="wrong" role="status">{wrong}</span>
        </label>
    }
    .into_any()
}
