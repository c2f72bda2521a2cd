//! A file of a person's own: chosen or dropped.

use crate::library::Arriving;
use crate::preferences::Preferences;
use crate::session::Session;
use crate::text::{Phrases, fill};
use js_sys::{Array, Reflect};
use leptos::ev::{DragEvent, Event};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

#[component]
pub(super) fn Add() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let arriving = Memo::new(move |_| session.library.with(|library| library.arriving.clone()));
    let over = RwSignal::new(false);
    let drag = move |event: DragEvent| {
        event.prevent_default();
        over.set(true);
    };
    let drop = move |event: DragEvent| {
        event.prevent_default();
        over.set(false);
        take(&field(&event, "dataTransfer"), session);
    };
    let choose = move |event: Event| {
        let input = field(&event, "target");
        take(&input, session);
        // So that the same file can be chosen once more.
        let _ = Reflect::set(&input, &"value".into(), &"".into());
    };
    view! {
        <section class="part">
            <h2>{move || t().add}</h2>
            {move || arriving.get().iter().map(|one| on_its_way(one, t(), session)).collect_view()}
            <div
                class="drop"
                class:over=over
                on:dragover=drag
                on:dragleave=move |_| over.set(false)
                on:drop=drop
            >
                <p>{move || t().add_lead}</p>
                <label class="button">
                    <input class="unseen" type="file" accept=".gguf" multiple on:change=choose/>
                    <span>{move || t().choose_file}</span>
                </label>
            </div>
        </section>
    }
}

fn on_its_way(one: &Arriving, t: &Phrases, session: Session) -> impl IntoView + use<> {
    let Arriving { id, name, done_bytes, total_bytes } = one.clone();
    let label = format!("arriving-{id}");
    let done = total_bytes.map(|_| done_bytes);
    view! {
        <div class="card arriving">
            <h3 id=label.clone()>{fill(t.adding, &[("name", &name)])}</h3>
            <progress aria-labelledby=label max=total_bytes.unwrap_or(1).max(1) value=done></progress>
            <button on:click=move |_| session.stop_import(id)>{t.cancel}</button>
        </div>
    }
}

/// Sends the files of an input or of what was dropped to the worker.
fn take(from: &JsValue, session: Session) {
    let files = field(from, "files");
    if files.is_object() {
        for file in Array::from(&files).iter() {
            if let Some(name) = field(&file, "name").as_string() {
                session.import(name, &file);
            }
        }
    }
}

/// Undefined where there is none.
fn field(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED)
}
