//! Small models that are worth starting from, downloaded from the hub.

use crate::browser::memory_bytes;
use crate::choices::Choices;
use crate::fit::Fit;
use crate::library::{Download, Library};
use crate::link::State;
use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::{Phrases, fill};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::catalog::{BASES, Base, HUB};
use smolder_protocol::storage::Shelf;

#[component]
pub(super) fn Catalog() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let missing = move || session.library.with(missing);
    view! {
        <details class="fold">
            <summary><h2>{move || t().model.catalog}</h2></summary>
            <p class="aside">{move || t().model.catalog_lead}</p>
            <ul class="cards side">
                {move || missing().into_iter().map(|base| entry(base, t())).collect_view()}
            </ul>
        </details>
    }
}

fn missing(library: &Library) -> Vec<&'static Base> {
    BASES.iter().filter(|base| !library.has(Shelf::Models, base.file)).collect()
}

fn entry(base: &'static Base, t: &'static Phrases) -> impl IntoView {
    let session = Session::here();
    let fit = Memo::new(move |_| match (session.state.get(), base.bytes) {
        (State::Checked(check), Some(bytes)) => Some(Fit::of(bytes, &check, memory_bytes())),
        _ => None,
    });
    let verdict = move || fit.get().map(|fit| view! { <p class=fit.class()>{fit.words(t)}</p> });
    let size = base.bytes.map(units::bytes).unwrap_or_default();
    let host = HUB.trim_start_matches("https://");
    let terms = base.licence.terms.map(|terms| {
        view! { " (" <a href=terms target="_blank" rel="noopener noreferrer">{t.model.terms}</a> ")" }
    });
    let label = fill(t.model.download, &[("size", &size)]);
    let at = if base.gated { t.model.download_at } else { t.model.download_from };
    let parameters = fill(t.model.parameters, &[("count", &units::short(base.parameters))]);
    view! {
        <li class="card entry">
            <h3 translate="no">{base.name}</h3>
            {verdict}
            <p class="aside">
                {parameters} " · " {fill(t.model.licence, &[("name", base.licence.name)])} {terms}
            </p>
            <p class="aside">
                {if base.gated { by_hand(base, label).into_any() } else { here(base, label).into_any() }}
                " " {fill(at, &[("host", host)])} {base.gated.then_some(" ")} {base.gated.then_some(t.model.gated)}
            </p>
        </li>
    }
}

/// Into this browser's storage, after which it is the chosen one.
fn here(base: &'static Base, label: String) -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let awaited = move || session.library.with(|library| library.awaits(Shelf::Models, base.file));
    let download = move |_| {
        session.download(Download::of(base));
        choices.take_model(base.file.to_owned());
    };
    view! { <button disabled=awaited on:click=download>{label}</button> }
}

/// What the hub gives only to those who are known there opens in a tab of its own.
fn by_hand(base: &'static Base, label: String) -> impl IntoView {
    view! { <a class="button" href=base.address(HUB) target="_blank" rel="noopener noreferrer">{label}</a> }
}
