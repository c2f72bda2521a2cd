//! What the page keeps in the browser, and the way to be rid of it.

use crate::library::Library;
use crate::link::State;
use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::{Phrases, fill};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::storage::{Shelf, StoredFile};
use smolder_protocol::{Command, StorageCommand};

#[component]
pub(super) fn Storage() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let files = Memo::new(move |_| session.library.with(|library| library.files.clone()));
    let sum = move || {
        let used = session.library.with(Library::used_bytes);
        let free = session.state.with(|state| match state {
            State::Checked(check) => check.storage.map(|storage| units::bytes(storage.free_bytes)),
            _ => None,
        });
        let count = files.with(Vec::len).to_string();
        let free = free.unwrap_or_else(|| t().not_told.to_owned());
        let values = [("used", &*units::bytes(used)), ("count", &*count), ("free", &*free)];
        fill(t().model.storage_sum, &values)
    };
    view! {
        <details class="fold">
            <summary><h2>{move || t().model.storage}</h2></summary>
            <p class="aside">{move || t().model.storage_lead}" "{sum}</p>
            <Show when=move || files.with(Vec::is_empty)>
                <p class="aside">{move || t().model.storage_empty}</p>
            </Show>
            <ul class="stored">
                <For each=move || files.get() key=|file| (file.shelf, file.name.clone(), file.bytes) let:file>
                    <OneFile file/>
                </For>
            </ul>
        </details>
    }
}

/// A file, and its deletion in two steps.
#[component]
fn OneFile(file: StoredFile) -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let sure = RwSignal::new(false);
    let (shelf, name) = (file.shelf, StoredValue::new(file.name.clone()));
    let busy = Signal::derive(move || session.training());
    let remove = move |_| {
        session.send(&Command::Storage(StorageCommand::Remove { shelf, name: name.get_value() }));
    };
    let question = move || name.with_value(|name| fill(t().model.delete_sure, &[("name", name)]));
    let size = units::bytes(file.bytes);
    let amount = if file.whole { None } else { Some(size.clone()) };
    view! {
        <li>
            <span class="file-name" translate="no">{file.name}</span>
            <span class="amount">
                {move || kind(shelf, t())} " · "
                {move || amount.as_ref().map_or_else(|| size.clone(), |here| fill(t().model.partial, &[("here", here)]))}
            </span>
            <Show
                when=move || sure.get()
                fallback=move || view! {
                    <button class="link" disabled=busy on:click=move |_| sure.set(true)>
                        {move || t().model.delete} <span class="unseen">{move || name.get_value()}</span>
                    </button>
                }
            >
                <span class="sure" role="alert">
                    {question}
                    <button class="link" on:click=remove>{move || t().model.delete_yes}</button>
                    <button class="link" on:click=move |_| sure.set(false)>{move || t().model.keep}</button>
                </span>
            </Show>
        </li>
    }
}

fn kind(shelf: Shelf, t: &Phrases) -> &'static str {
    match shelf {
        Shelf::Models => t.model.shelf_models,
        Shelf::Data => t.model.shelf_data,
        Shelf::Adapters => t.model.shelf_adapters,
    }
}
