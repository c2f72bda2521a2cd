//! Examples that come with the page.

use super::super::parts::Choice;
use crate::bundled::{EXAMPLES, Examples};
use crate::choices::Choices;
use crate::preferences::Preferences;
use crate::text::fill;
use crate::units;
use leptos::prelude::*;

#[component]
pub(super) fn Samples() -> impl IntoView {
    let t = move || Preferences::here().phrases();
    view! {
        <fieldset class="choices">
            <legend class="unseen">{move || t().data.from_sample}</legend>
            {EXAMPLES.iter().map(|examples| view! { <Sample examples/> }).collect_view()}
        </fieldset>
    }
}

#[component]
fn Sample(examples: &'static Examples) -> impl IntoView {
    let choices = Choices::here();
    let t = move || Preferences::here().phrases();
    let title = Signal::derive(move || (examples.title)(t()).to_owned());
    let about = Signal::derive(move || (examples.about)(t()).to_owned());
    let amount = Signal::derive(move || fill(t().data.rows, &[("count", &units::count(examples.rows))]));
    let chosen = Signal::derive(move || choices.config.with(|config| config.data == examples.file));
    let choose = Callback::new(move |()| choices.take_examples(examples.file));
    view! { <Choice group="sample" value=examples.file title about amount chosen choose/> }
}
