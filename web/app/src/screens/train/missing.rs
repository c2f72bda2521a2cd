//! Why the chosen run cannot begin, where nothing is on its way that would change that.

use super::super::model;
use crate::choices::Choices;
use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::{Phrases, fill};
use leptos::prelude::*;
use smolder_protocol::storage::Shelf;

#[component]
pub(super) fn Missing() -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let reasons = Memo::new(move |_| reasons(session, choices, t()));
    view! {
        <Show when=move || reasons.with(|reasons| !reasons.is_empty())>
            <ul class="wrong" role="alert">
                {move || reasons.get().into_iter().map(|reason| view! { <li>{reason}</li> }).collect_view()}
            </ul>
        </Show>
    }
}

/// Whether something is missing.
pub(super) fn is_missing(session: Session, choices: Choices) -> bool {
    !reasons(session, choices, Preferences::here().phrases()).is_empty()
}

fn reasons(session: Session, choices: Choices, t: &Phrases) -> Vec<String> {
    let config = choices.config.get();
    let absent = |shelf, name: &str| {
        session
            .library
            .with(|library| library.known && !library.has(shelf, name) && !library.awaits(shelf, name))
    };
    let model = absent(Shelf::Models, &config.model);
    let model = model.then(|| fill(t.train.no_model, &[("name", &model::title(&config.model, t))]));
    let data = absent(Shelf::Data, &config.data).then(|| fill(t.train.no_data, &[("name", &config.data)]));
    let settings = (!config.problems().is_empty()).then(|| t.settings.invalid.to_owned());
    [model, data, settings].into_iter().flatten().collect()
}
