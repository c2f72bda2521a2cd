//! Files on their way, and what went wrong with the last.

use super::{Amount, trouble};
use crate::library::Transfer;
use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::{fill, storage_failure_words};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::storage::Shelf;
use smolder_protocol::{Command, StorageCommand};

/// Transfers to a shelf, and what went wrong with the last.
#[component]
pub(crate) fn Transfers(
    /// Where they go.
    shelf: Shelf,
) -> impl IntoView {
    view! { <UnderWay shelf/><Failed/> }
}

/// Transfers to a shelf, each with its way to cancel.
#[component]
pub(crate) fn UnderWay(
    /// Where they go.
    shelf: Shelf,
) -> impl IntoView {
    let session = Session::here();
    let here = move || {
        session.library.with(|library| {
            let ours = library.transfers.iter().filter(|transfer| transfer.import.shelf == shelf);
            ours.map(|transfer| transfer.import.id).collect::<Vec<_>>()
        })
    };
    view! {
        <For each=here key=|id| *id let:id>
            <OnItsWay id/>
        </For>
    }
}

#[component]
fn OnItsWay(id: u64) -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let read = move |text: &dyn Fn(&Transfer) -> String| {
        session.library.with(|library| {
            library.transfers.iter().find(|transfer| transfer.import.id == id).map(text).unwrap_or_default()
        })
    };
    let label = Signal::derive(move || {
        read(&|transfer| fill(t().model.importing, &[("name", &transfer.import.name)]))
    });
    let words = Signal::derive(move || read(&|transfer| amount(transfer, t().model.of)));
    let share = Signal::derive(move || {
        session.library.with(|library| {
            let transfer = library.transfers.iter().find(|transfer| transfer.import.id == id)?;
            Some(transfer.done_bytes as f64 / transfer.total_bytes.filter(|total| *total > 0)? as f64)
        })
    });
    let cancel = move |_| session.send(&Command::Storage(StorageCommand::Cancel(id)));
    view! {
        <div class="transfer">
            <Amount label share words/>
            <button on:click=cancel>{move || t().model.cancel}</button>
        </div>
    }
}

fn amount(transfer: &Transfer, of: &str) -> String {
    let done = units::bytes(transfer.done_bytes);
    let total = transfer.total_bytes.map(units::bytes);
    total.map_or_else(|| done.clone(), |total| fill(of, &[("done", &done), ("total", &total)]))
}

/// What went wrong; what comes from an address can be asked for again.
#[component]
fn Failed() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let failure = Memo::new(move |_| session.library.with(|library| library.failure.clone()));
    let again = Memo::new(move |_| session.library.with(|library| library.again.is_some()));
    let retry =
        move || view! { <p><button on:click=move |_| session.retry()>{move || t().retry}</button></p> };
    move || {
        failure.get().map(|failure| {
            view! {
                <div class="cards">
                    {trouble(storage_failure_words(&failure, t()))}
                    {again.get().then(retry)}
                </div>
            }
        })
    }
}
