//! One of several, with a word on each.

use leptos::prelude::*;

/// A radio button as a card.
#[component]
pub(crate) fn Choice(
    /// The group that it belongs to.
    group: &'static str,
    /// What it stands for.
    #[prop(into)]
    value: String,
    /// Its name.
    #[prop(into)]
    title: Signal<String>,
    /// What it is.
    #[prop(into)]
    about: Signal<String>,
    /// A size or a count.
    #[prop(into)]
    amount: Signal<String>,
    /// Whether it is the one.
    #[prop(into)]
    chosen: Signal<bool>,
    /// Whether it cannot be chosen now.
    #[prop(into, default = false.into())]
    disabled: Signal<bool>,
    /// What happens when it is chosen.
    choose: Callback<()>,
) -> impl IntoView {
    view! {
        <label class="choice">
            <input type="radio" name=group value=value prop:checked=chosen disabled=disabled on:change=move |_| choose.run(())/>
            <span class="choice-title">{title}</span>
            <span class="amount">{amount}</span>
            <Show when=move || !about.with(String::is_empty)>
                <span class="choice-about">{about}</span>
            </Show>
        </label>
    }
}
