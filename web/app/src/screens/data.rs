//! Data: the examples, and exactly what the model will read of them.

mod audit;
mod columns;
mod paste;
mod preview;
mod sample;
mod table;

use super::parts::{FileDrop, Heading, Onward, Transfers};
use crate::bundled;
use crate::choices::Choices;
use crate::look::Look;
use crate::names::safe_name;
use crate::preferences::Preferences;
use crate::route::Screen;
use crate::session::Session;
use crate::text::Phrases;
use leptos::prelude::*;
use paste::Paste;
use preview::Preview;
use sample::Samples;
use smolder_protocol::storage::Shelf;
use table::Table;
use web_sys::{Blob, BlobPropertyBag};

/// Where examples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Sample,
    Table,
    Paste,
    File,
}

impl Origin {
    const ALL: [Self; 4] = [Self::Sample, Self::Table, Self::Paste, Self::File];

    fn name(self, t: &Phrases) -> &'static str {
        match self {
            Self::Sample => t.data.from_sample,
            Self::Table => t.data.from_table,
            Self::Paste => t.data.from_paste,
            Self::File => t.data.from_file,
        }
    }

    /// Where the chosen file came from.
    fn of(file: &str) -> Self {
        match file.split('.').next() {
            _ if bundled::examples(file).is_some() => Self::Sample,
            Some(table::STEM) => Self::Table,
            Some(paste::STEM) => Self::Paste,
            _ => Self::File,
        }
    }
}

#[component]
pub(crate) fn Data() -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let origin = RwSignal::new(choices.config.with_untracked(|config| Origin::of(&config.data)));
    look_at_what_is_chosen(session, choices);
    let ready = Memo::new(move |_| {
        session
            .looking
            .with(|looking| matches!(&looking.look, Look::Shown(preview) if preview.audit.kept > 0))
    });
    view! {
        <section class="flow">
            <Heading
                title=Signal::derive(move || t().data.title.to_owned())
                lead=Signal::derive(move || t().data.lead.to_owned())
            />
            <Origins origin/>
            {move || match origin.get() {
                Origin::Sample => view! { <Samples/> }.into_any(),
                Origin::Table => view! { <Table/> }.into_any(),
                Origin::Paste => view! { <Paste/> }.into_any(),
                Origin::File => view! { <OwnFile/> }.into_any(),
            }}
            <Transfers shelf=Shelf::Data/>
            <Preview/>
            <Onward at=Screen::Data ready/>
        </section>
    }
}

/// Asks the trainer whenever model, examples or what decides the tokens change, but never while it trains.
fn look_at_what_is_chosen(session: Session, choices: Choices) {
    let busy = Memo::new(move |_| session.training());
    Effect::new(move || {
        let config = choices.config.get();
        let here = session.library.with(|library| {
            library.has(Shelf::Models, &config.model) && library.has(Shelf::Data, &config.data)
        });
        if here && !busy.get() {
            session.look(&config);
        }
    });
}

#[component]
fn Origins(origin: RwSignal<Origin>) -> impl IntoView {
    let t = move || Preferences::here().phrases();
    let option = move |one: Origin| {
        view! {
            <label>
                <input type="radio" name="origin" prop:checked=move || origin.get() == one on:change=move |_| origin.set(one)/>
                <span>{move || one.name(t())}</span>
            </label>
        }
    };
    view! {
        <fieldset class="switch tabs">
            <legend class="unseen">{move || t().data.source}</legend>
            {Origin::ALL.map(option)}
        </fieldset>
    }
}

#[component]
fn OwnFile() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let take = Callback::new(move |files: Vec<web_sys::File>| {
        let Some(file) = files.first() else { return };
        session.take(Shelf::Data, &safe_name(&file.name()), file.size() as u64, file);
    });
    view! {
        <FileDrop
            id="data-file"
            accept=".json,.jsonl,.ndjson,.csv,.tsv,.txt,.md"
            pick=Signal::derive(move || t().data.pick.to_owned())
            drop=Signal::derive(move || t().data.drop.to_owned())
            take
        />
    }
}

/// Stores `text` under `name`, which chooses it.
fn take_text(name: &str, text: &str) {
    let kind = BlobPropertyBag::new();
    kind.set_type("text/plain");
    let parts = js_sys::Array::of1(&text.into());
    if let Ok(blob) = Blob::new_with_str_sequence_and_options(&parts, &kind) {
        Session::here().take(Shelf::Data, name, text.len() as u64, &blob);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_where_it_came_from() {
        assert_eq!(Origin::of("moods.csv"), Origin::Sample);
        assert_eq!(Origin::of("typed.jsonl"), Origin::Table);
        assert_eq!(Origin::of("pasted.tsv"), Origin::Paste);
        assert_eq!(Origin::of("mine.csv"), Origin::File);
        assert_eq!(Origin::of(""), Origin::File);
    }
}
