//! Keeping the screen awake while a run goes: a computer that sleeps does not train.

use crate::browser::{call, of_navigator};
use crate::preferences::Preferences;
use crate::session::Session;
use leptos::prelude::*;
use wasm_bindgen::JsValue;

/// A switch, shown while a run is under way in a browser that can do it.
#[component]
pub(crate) fn Wake() -> impl IntoView {
    let session = Session::here();
    let t = move || Preferences::here().phrases();
    let under_way = Memo::new(move |_| session.training());
    let wanted = RwSignal::new(false);
    let lock = StoredValue::new_local(None::<JsValue>);
    Effect::new(move || {
        let on = wanted.get() && under_way.get();
        leptos::task::spawn_local(async move {
            let lock_before = lock.try_update_value(Option::take).flatten();
            if let Some(held) = lock_before {
                let _ = call(&held, "release", &[]).await;
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

fn offered() -> bool {
    of_navigator("wakeLock").is_ok_and(|api| api.is_object())
}

async fn request() -> Result<JsValue, JsValue> {
    call(&of_navigator("wakeLock")?, "request", &["screen".into()]).await
}
