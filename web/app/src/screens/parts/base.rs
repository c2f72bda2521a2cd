//! The model that an adapter is for.

use super::super::model;
use crate::preferences::Preferences;
use crate::session::Session;
use leptos::prelude::*;
use smolder_protocol::storage::{Shelf, StoredFile};

/// One of the models that are here.
#[component]
pub(crate) fn Base(
    /// Names the field for tests.
    id: &'static str,
    /// The chosen one.
    base: RwSignal<String>,
) -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let bases = Memo::new(move |_| {
        let whole = |file: &StoredFile| file.whole.then(|| file.name.clone());
        session.library.with(|library| library.shelf(Shelf::Models).filter_map(whole).collect::<Vec<_>>())
    });
    let option = move |name: String| {
        let (value, chosen) = (name.clone(), name.clone());
        view! {
            <option value=value selected=move || base.with(|base| *base == chosen)>
                {move || model::title(&name, t())}
            </option>
        }
    };
    view! {
        <label class="field base">
            <span>{move || t().runs.base}</span>
            <select id=id on:change=move |event| base.set(event_target_value(&event))>
                {move || bases.get().into_iter().map(option).collect_view()}
            </select>
        </label>
    }
}
