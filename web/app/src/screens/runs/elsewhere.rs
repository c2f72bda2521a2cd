//! Adapters that a person brings.

use super::super::model;
use super::super::parts::{Base, FileDrop, Transfers, with_code};
use crate::brought;
use crate::browser::words_of;
use crate::choices::Choices;
use crate::preferences::Preferences;
use crate::route::Screen;
use crate::session::Session;
use crate::text::{fill, remark_line};
use crate::units;
use leptos::prelude::*;
use smolder_protocol::storage::{Shelf, StoredFile};
use smolder_protocol::{Command, StorageCommand};

#[component]
pub(super) fn Elsewhere() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let here = Memo::new(move |_| {
        session.library.with(|library| library.shelf(Shelf::Adapters).cloned().collect::<Vec<_>>())
    });
    view! {
        <section>
            <h2>{move || t().runs.elsewhere}</h2>
            <p class="aside">{move || t().runs.elsewhere_lead}</p>
            <ul class="stored">
                <For each=move || here.get() key=|file| (file.name.clone(), file.bytes) let:file>
                    <OneAdapter file/>
                </For>
            </ul>
            <Bring/>
            <Transfers shelf=Shelf::Adapters/>
            <Remarks/>
        </section>
    }
}

/// What should be known of the adapter that came last.
#[component]
fn Remarks() -> impl IntoView {
    let session = Session::here();
    let remarks = Memo::new(move |_| session.library.with(|library| library.remarks.clone()));
    let lines = move || {
        let phrases = Preferences::here().phrases();
        let words =
            remarks.with(|remarks| remarks.iter().map(|one| remark_line(one, phrases)).collect::<Vec<_>>());
        words.into_iter().map(|words| view! { <p>{words}</p> }).collect_view()
    };
    view! { <div class="aside" id="adapter-remarks" role="status">{lines}</div> }
}

/// Which model it is for, and its files.
#[component]
fn Bring() -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let base = RwSignal::new(choices.config.with_untracked(|config| config.model.clone()));
    // Names of files without an adapter, or what the browser said.
    let wrong = RwSignal::new(None::<Result<String, String>>);
    let take = Callback::new(move |files: Vec<web_sys::File>| {
        session.library.update(|library| library.failure = None);
        leptos::task::spawn_local(async move {
            let names = files.iter().map(web_sys::File::name).collect::<Vec<_>>().join(", ");
            match brought::find(&files).await {
                Ok(Some(found)) => {
                    wrong.set(None);
                    session.take_adapter(found, &base.get_untracked());
                }
                Ok(None) => wrong.set(Some(Ok(names))),
                Err(error) => wrong.set(Some(Err(words_of(&error)))),
            }
        });
    });
    let complaint = move || {
        wrong.get().map(|wrong| match wrong {
            Ok(names) => with_code(&fill(t().runs.none, &[("name", &names)])),
            Err(reason) => with_code(&reason),
        })
    };
    view! {
        <Base id="adapter-base" base/>
        <FileDrop
            id="adapter-file"
            accept=".zip,.safetensors,.gguf,.json"
            pick=Signal::derive(move || t().runs.pick.to_owned())
            drop=Signal::derive(move || t().runs.drop.to_owned())
            several=true
            take
        />
        <p class="wrong" role="status">{complaint}</p>
    }
}

/// An adapter, the way to try it, and its deletion.
#[component]
fn OneAdapter(file: StoredFile) -> impl IntoView {
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || Preferences::here().phrases();
    let name = StoredValue::new(file.name.clone());
    let sure = RwSignal::new(false);
    let busy = Memo::new(move |_| session.training());
    let model = StoredValue::new(file.base.clone());
    let size = units::bytes(file.bytes);
    let about = move || {
        let made_for = model.with_value(|model| {
            model.as_ref().map(|model| fill(t().runs.for_model, &[("model", &model::title(model, t()))]))
        });
        made_for.into_iter().chain([size.clone()]).collect::<Vec<_>>().join(" · ")
    };
    let known = file.whole && file.base.is_some();
    let remove = move |_| {
        let (shelf, name) = (Shelf::Adapters, name.get_value());
        session.send(&Command::Storage(StorageCommand::Remove { shelf, name }));
    };
    view! {
        <li>
            <span class="file-name" translate="no">{file.name}</span>
            <span class="amount">{about}</span>
            <Show when=move || known>
                <a href=Screen::Try.hash() on:click=move |_| choices.tried.set(Some(name.get_value()))>
                    {move || t().runs.try_it} <span class="unseen">" " {move || name.get_value()}</span>
                </a>
            </Show>
            <Show
                when=move || sure.get()
                fallback=move || view! {
                    <button class="link" disabled=busy on:click=move |_| sure.set(true)>
                        {move || t().runs.delete} <span class="unseen">" " {move || name.get_value()}</span>
                    </button>
                }
            >
                <span class="sure" role="alert">
                    {move || fill(t().model.delete_sure, &[("name", &name.get_value())])}
                    <button class="link" on:click=remove>{move || t().runs.yes}</button>
                    <button class="link" on:click=move |_| sure.set(false)>{move || t().runs.keep}</button>
                </span>
            </Show>
        </li>
    }
}
