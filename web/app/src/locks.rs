//! The browser's locks, which all tabs of the page share.

use crate::browser::{call, invoke, of_navigator};
use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// A lock that this tab has; dropped, it is free.
#[derive(Debug)]
pub(crate) struct Held(Function);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.call0(&JsValue::NULL);
    }
}

/// The lock `name`; nothing where another tab has it. An insecure address has no locks.
pub(crate) async fn take(name: &str) -> Result<Option<Held>, JsValue> {
    request(name, "exclusive", true).await
}

/// Whether a tab has the lock `name`.
pub(crate) async fn is_held(name: &str) -> Result<bool, JsValue> {
    let found = call(&of_navigator("locks")?, "query", &[]).await?;
    let held: Array = Reflect::get(&found, &"held".into())?.dyn_into()?;
    let named = |lock: JsValue| Reflect::get(&lock, &"name".into()).ok()?.as_string();
    Ok(held.iter().any(|lock| named(lock).as_deref() == Some(name)))
}

/// Waits until no tab has the lock `name`.
pub(crate) async fn until_free(name: &str) -> Result<(), JsValue> {
    request(name, "shared", false).await.map(drop)
}

/// Asks for a lock; the browser keeps it until a promise of ours is fulfilled.
async fn request(name: &str, mode: &str, if_available: bool) -> Result<Option<Held>, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"mode".into(), &mode.into())?;
    Reflect::set(&options, &"ifAvailable".into(), &if_available.into())?;
    let ((given, give), (ended, end)) = (promise(), promise());
    let hold = Closure::once_into_js(move |lock: JsValue| {
        let _ = give.call1(&JsValue::NULL, &lock);
        JsValue::from(ended)
    });
    invoke(&of_navigator("locks")?, "request", &[name.into(), options.into(), hold])?;
    let kept = Held(end);
    Ok((!JsFuture::from(given).await?.is_null()).then_some(kept))
}

/// A promise, and what fulfils it.
fn promise() -> (Promise, Function) {
    let mut fulfil = JsValue::UNDEFINED;
    let promise = Promise::new(&mut |resolve, _| fulfil = resolve.into());
    (promise, fulfil.unchecked_into())
}
