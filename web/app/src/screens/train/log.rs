//! What happened, the newest first.

use crate::preferences::Preferences;
use crate::run::{Entry, Note};
use crate::session::Session;
use crate::text::{Phrases, note_line};
use crate::units;
use leptos::prelude::*;

#[component]
pub(super) fn Log() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let entries = Memo::new(move |_| session.run.with(|run| run.log.entries.clone()));
    view! {
        <section>
            <h2>{move || t().train.log}</h2>
            <ol class="log" reversed>
                {move || entries.get().iter().rev().map(|entry| line(entry, t())).collect_view()}
            </ol>
        </section>
    }
}

fn line(entry: &Entry, t: &Phrases) -> impl IntoView + use<> {
    let class = match entry.note {
        Note::Warned(_) => "slow",
        Note::Failed(_) | Note::Crashed => "bad",
        _ => "",
    };
    view! {
        <li class=class>
            <span class="amount">{entry.at_secs.map(units::seconds)}</span>
            <span>{note_line(&entry.note, t)}</span>
        </li>
    }
}
