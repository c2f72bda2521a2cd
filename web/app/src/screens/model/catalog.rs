//! Small models that are worth starting from, and where a browser finds them.

use crate::library::Library;
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
            <ul class="cards">
                {move || missing().into_iter().map(|base| entry(base, t())).collect_view()}
            </ul>
        </details>
    }
}

fn missing(library: &Library) -> Vec<&'static Base> {
    BASES.iter().filter(|base| !library.has(Shelf::Models, base.file)).collect()
}

/// The link opens the hub in a tab of its own; this page asks for nothing there.
fn entry(base: &'static Base, t: &'static Phrases) -> impl IntoView {
    let size = base.bytes.map(units::bytes).unwrap_or_default();
    let host = HUB.trim_start_matches("https://");
    let terms = base.licence.terms.map(|terms| {
        view! { " (" <a href=terms target="_blank" rel="noopener noreferrer">{t.model.terms}</a> ")" }
    });
    let parameters = fill(t.model.parameters, &[("count", &units::short(base.parameters))]);
    view! {
        <li class="card entry">
            <h3 translate="no">{base.name}</h3>
            <p class="aside">
                {parameters} " · " {fill(t.model.licence, &[("name", base.licence.name)])} {terms}
            </p>
            <p class="aside">
                <a class="button" href=base.address(HUB) target="_blank" rel="noopener noreferrer">
                    {fill(t.model.download, &[("size", &size)])}
                </a>
                " " {fill(t.model.download_at, &[("host", host)])}
                {base.gated.then_some(" ")} {base.gated.then_some(t.model.gated)}
            </p>
        </li>
    }
}
