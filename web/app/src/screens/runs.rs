//! Runs: what was trained so far, and adapters from elsewhere.

mod beside;
mod elsewhere;
mod one;

use super::linked::Linked;
use super::parts::Heading;
use crate::choices::Choices;
use crate::preferences::Preferences;
use crate::route::Screen;
use crate::session::Session;
use beside::Beside;
use elsewhere::Elsewhere;
use leptos::prelude::*;
use one::OneRun;
use smolder_protocol::{Command, StorageCommand};

#[component]
pub(crate) fn Runs() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    // What a link offers is the next thing to do, where there is one.
    let alone = move || Choices::here().linked.with(Option::is_none);
    session.send(&Command::Storage(StorageCommand::Runs));
    let runs = Memo::new(move |_| session.library.with(|library| library.runs.clone()));
    let failure = Memo::new(move |_| session.library.with(|library| library.failure.clone()));
    let none = move || {
        match runs.with(|runs| runs.as_ref().map(Vec::is_empty)) {
        None if failure.with(Option::is_none) => {
            Some(view! { <p class="aside working" role="status">{t().runs.looking}</p> }.into_any())
        }
        Some(true) => Some(
            view! {
                <p class="aside">{t().runs.empty}</p>
                <p class="onward"><a class="button" class:primary=alone href=Screen::Train.hash()>{t().runs.begin}</a></p>
            }
            .into_any(),
        ),
        _ => None,
    }
    };
    view! {
        <section class="flow">
            <Heading
                title=Signal::derive(move || t().runs.title.to_owned())
                lead=Signal::derive(move || t().runs.lead.to_owned())
            />
            <Linked adapters=true/>
            {none}
            <ul class="cards runs">
                <For
                    each=move || runs.get().unwrap_or_default()
                    key=|run| (run.name.clone(), run.changed_ms, run.bytes)
                    let:run
                >
                    <OneRun run/>
                </For>
            </ul>
            <Beside runs/>
            <Elsewhere/>
        </section>
    }
}
