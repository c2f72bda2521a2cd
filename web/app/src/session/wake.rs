//! Keeping the screen awake while a run goes: a computer that sleeps does not train.

use super::Session;
use crate::browser::{call, of_navigator};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

impl Session {
    /// Whether the browser can do it.
    pub(crate) fn can_keep_awake() -> bool {
        of_navigator("wakeLock").is_ok_and(|api| api.is_object())
    }

    /// Asks the browser for it while that is wanted and a run is under way.
    pub(super) fn keep_awake(self) {
        let training = Memo::new(move |_| self.training());
        Effect::new(move || {
            let on = self.awake.get() && training.get();
            leptos::task::spawn_local(async move {
                let before = self.own.try_update_value(|own| own.awake.take()).flatten();
                if let Some(held) = before {
                    let _ = call(&held, "release", &[]).await;
                }
                if on && let Ok(held) = request().await {
                    self.own.update_value(|own| own.awake = Some(held));
                }
            });
        });
        // Browsers take it back from a tab in the background.
        window_event_listener_untyped("visibilitychange", move |_| self.awake.notify());
    }
}

async fn request() -> Result<JsValue, JsValue> {
    call(&of_navigator("wakeLock")?, "request", &["screen".into()]).await
}
