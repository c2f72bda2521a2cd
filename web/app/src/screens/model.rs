//! Model: what to start from.

mod catalog;
mod link;
mod storage;

use super::linked::Linked;
use super::parts::{Choice, FileDrop, Heading, Onward, Transfers, with_code};
use crate::bundled;
use crate::choices::Choices;
use crate::names::safe_name;
use crate::preferences::Preferences;
use crate::route::Screen;
use crate::session::Session;
use crate::text::{Phrases, fill};
use crate::units;
use catalog::Catalog;
use leptos::prelude::*;
use link::Link;
use smolder_protocol::catalog::BASES;
use smolder_protocol::storage::Shelf;
use storage::Storage;

#[component]
pub(crate) fn Model() -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let ready = Memo::new(move |_| {
        let chosen = choices.config.with(|config| config.model.clone());
        session.library.with(|library| library.has(Shelf::Models, &chosen))
    });
    view! {
        <section class="flow">
            <Heading
                title=Signal::derive(move || t().model.title.to_owned())
                lead=Signal::derive(move || t().model.lead.to_owned())
            />
            <Linked adapters=false/>
            <Here/>
            <Transfers shelf=Shelf::Models/>
            <Add/>
            <Catalog/>
            <Storage/>
            <Onward at=Screen::Model ready/>
        </section>
    }
}

/// Models that can be chosen now: the bundled one first.
#[component]
fn Here() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let names = Memo::new(move |_| {
        let own = session.library.with(|library| {
            let whole = library.shelf(Shelf::Models).filter(|file| file.whole && file.name != bundled::MODEL);
            whole.map(|file| file.name.clone()).collect::<Vec<_>>()
        });
        [vec![bundled::MODEL.to_owned()], own].concat()
    });
    view! {
        <fieldset class="choices">
            <legend><h2>{move || t().model.here}</h2></legend>
            <For each=move || names.get() key=String::clone let:name>
                <OneModel name/>
            </For>
        </fieldset>
    }
}

#[component]
fn OneModel(name: String) -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let name = StoredValue::new(name);
    let title = Signal::derive(move || name.with_value(|name| title(name, t())));
    let about = Signal::derive(move || name.with_value(|name| about(name, t())));
    let amount = Signal::derive(move || {
        let bytes = session.library.with(|library| {
            name.with_value(|name| {
                library.shelf(Shelf::Models).find(|file| file.name == *name).map(|file| file.bytes)
            })
        });
        bytes.map(units::bytes).unwrap_or_default()
    });
    let chosen =
        Signal::derive(move || choices.config.with(|config| name.with_value(|name| config.model == *name)));
    let disabled = Signal::derive(move || session.training());
    let choose = Callback::new(move |()| choices.take_model(name.get_value()));
    view! { <Choice group="model" value=name.get_value() title about amount chosen disabled choose/> }
}

/// What people call a model file.
pub(super) fn title(name: &str, t: &Phrases) -> String {
    if name == bundled::MODEL {
        return t.model.bundled_name.to_owned();
    }
    BASES.iter().find(|base| base.file == name).map_or(name, |base| base.name).to_owned()
}

fn about(name: &str, t: &Phrases) -> String {
    if name == bundled::MODEL {
        return t.model.bundled_about.to_owned();
    }
    match BASES.iter().find(|base| base.file == name) {
        Some(base) => fill(t.model.licence, &[("name", base.licence.name)]),
        None => t.model.own.to_owned(),
    }
}

/// A file of the person's.
#[component]
fn Add() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let refused = RwSignal::new(None::<String>);
    let take = Callback::new(move |files: Vec<web_sys::File>| {
        let Some(file) = files.first() else { return };
        let name = safe_name(&file.name());
        let gguf = name.to_lowercase().ends_with(".gguf");
        refused.set((!gguf).then(|| file.name()));
        if gguf {
            session.take(Shelf::Models, &name, file.size() as u64, file);
        }
    });
    let complaint =
        move || refused.get().map(|name| with_code(&fill(t().model.not_gguf, &[("name", &name)])));
    view! {
        <section>
            <h2>{move || t().model.add}</h2>
            <p class="aside">{move || t().model.add_lead}</p>
            <FileDrop
                id="model-file"
                accept=".gguf"
                pick=Signal::derive(move || t().model.pick.to_owned())
                drop=Signal::derive(move || t().model.drop.to_owned())
                take
            />
            <p class="wrong" role="status">{complaint}</p>
            <Link/>
        </section>
    }
}
