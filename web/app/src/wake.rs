//! Keeping the screen awake while a run goes: a computer that sleeps does not train.

use crate::preferences::Preferences;
use crate::session::Session;
use js_sys::{Function, Promise, Reflect};
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// A switch, shown while a run is under way in a browser that can do it.
#[component]
pub(crate) fn Wake() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let under_way = Memo::new(move |_| session.run.with(|run| run.under_way()));
    let wanted = RwSignal::new(false);
    let lock = StoredValue::new_local(None::<JsValue>);
    Effect::new(move || {
        let on = wanted.get() && under_way.get();
        leptos::task::spawn_local(async move {
            let lock_before = lock.try_update_value(Option::take).flatten();
            if let Some(held) = lock_before {
                let _ = call(&held, "release", None).await;
            }
            if on && let Ok(held) = request().await {
                lock.set_value(Some(held));
            }
        });
    });
    // Browsers take the lock away from a tab in the background.
    window_event_listener_untyped("visibilitychange", move |_| wanted.notify());
    view! {
        <Show when=move || under_way.get() && offered()>
            <label class="inline">
                <input type="checkbox" prop:checked=wanted on:change=move |event| wanted.set(event_target_checked(&event))/>
                <span>{move || t().train.awake}</span>
            </label>
        </Show>
    }
}

fn wake_lock() -> Result<JsValue, JsValue> {
    Reflect::get(&window().navigator(), &"wakeLock".into())
}

fn offered() -> bool {
    wake_lock().is_ok_and(|api| api.is_object())
}

async fn request() -> Result<JsValue, JsValue> {
    call(&wake_lock()?, "request", Some(&"screen".into())).await
}

/// web-sys has this interface only behind a flag of the whole build.
async fn call(object: &JsValue, method: &str, argument: Option<&JsValue>) -> Result<JsValue, JsValue> {
    let method: Function = Reflect::get(object, &method.into())?.dyn_into()?;
    let promise = match argument {
        Some(argument) => method.call1(object, argument)?,
        None => method.call0(object)?,
    };
    JsFuture::from(promise.dyn_into::<Promise>()?).await
}
