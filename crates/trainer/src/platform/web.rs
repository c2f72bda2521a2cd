//! A dedicated worker in a browser.

use js_sys::{Object, Reflect};
use smolder_protocol::{Problem, Storage};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{StorageEstimate, WorkerGlobalScope};

fn scope() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Why the browser hides GPUs before one is asked for.
pub(crate) fn gpu_hidden() -> Option<Problem> {
    if !scope().is_secure_context() {
        return Some(Problem::InsecureContext);
    }
    let present = Reflect::has(&scope().navigator(), &JsValue::from_str("gpu")).unwrap_or(false);
    (!present).then_some(Problem::NoWebGpu)
}

/// Threads that the CPU device may use: without cross-origin isolation a tab has one.
pub(crate) fn cpu_threads() -> usize {
    1
}

/// Milliseconds on a clock that only moves forward.
pub(crate) fn now_ms() -> f64 {
    scope().performance().map_or(0.0, |performance| performance.now())
}

/// What the browser grants to this site.
pub(crate) async fn storage() -> Option<Storage> {
    // Undefined in an insecure context, where calling it would throw.
    let manager = Reflect::get(&scope().navigator(), &JsValue::from_str("storage")).ok()?;
    manager.dyn_ref::<Object>()?;
    let estimate = JsFuture::from(scope().navigator().storage().estimate().ok()?).await.ok()?;
    let estimate: StorageEstimate = estimate.unchecked_into();
    let (quota, used) = (estimate.get_quota()?, estimate.get_usage()?);
    Some(Storage { free_bytes: (quota - used).max(0.0) as u64, used_bytes: used as u64 })
}
