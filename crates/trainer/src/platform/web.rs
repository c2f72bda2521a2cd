//! A dedicated worker in a browser.

mod adopt;
mod export;
mod fetch;
mod file;
mod files;
mod folder;
mod import;
mod js;
mod part;
mod record;
mod runs;
mod storage;
mod store;

pub use file::OpfsFile;
pub use files::OpfsFiles;
pub use record::Record as OpfsRecord;
pub use storage::Storage as OpfsStorage;
pub use store::OpfsStore;

use js_sys::{Function, Object, Promise, Reflect};
use smolder_protocol::{Adapter, Problem, Storage, Subgroups};
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

/// Adds what wgpu 30 does not pass on from a browser: vendor, architecture and subgroups.
pub(crate) async fn complete(adapter: &mut Adapter) {
    let Ok(found) = request_adapter().await else { return };
    let info = field(&found, "info");
    let word = |name| field(&info, name).as_string().filter(|word| !word.is_empty());
    if adapter.name.is_empty() {
        adapter.name =
            [word("vendor"), word("architecture")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    }
    let size = |name| field(&info, name).as_f64().unwrap_or_default() as u32;
    let has_subgroups = call(&field(&found, "features"), "has", &"subgroups".into());
    if has_subgroups.is_ok_and(|has| has.is_truthy()) {
        adapter.subgroups = Some(Subgroups { min: size("subgroupMinSize"), max: size("subgroupMaxSize") });
    }
}

/// The adapter that wgpu was given, asked for in the same words.
async fn request_adapter() -> Result<JsValue, JsValue> {
    let wanted = Object::new();
    Reflect::set(&wanted, &"powerPreference".into(), &"high-performance".into())?;
    let promise = call(&field(&scope().navigator(), "gpu"), "requestAdapter", &wanted)?;
    JsFuture::from(promise.dyn_into::<Promise>()?).await
}

fn call(object: &JsValue, method: &str, argument: &JsValue) -> Result<JsValue, JsValue> {
    field(object, method).dyn_into::<Function>()?.call1(object, argument)
}

/// Undefined where there is none.
fn field(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// Threads that the CPU device may use: without cross-origin isolation a tab has one.
pub(crate) fn cpu_threads() -> usize {
    1
}

/// Milliseconds on a clock that only moves forward.
pub(crate) fn now_ms() -> f64 {
    scope().performance().map_or(0.0, |performance| performance.now())
}

/// Seconds since the start of 1970.
pub(crate) fn unix_secs() -> u64 {
    (js_sys::Date::now() / 1e3) as u64
}

/// Memory of this WebAssembly module, in bytes.
pub(crate) fn process_bytes() -> Option<u64> {
    let memory = wasm_bindgen::memory().dyn_into::<js_sys::WebAssembly::Memory>().ok()?;
    field(&memory.buffer(), "byteLength").as_f64().map(|bytes| bytes as u64)
}

/// Memory that this WebAssembly module can still have, in bytes: its addresses are of 32 bits.
pub(crate) fn free_bytes() -> Option<u64> {
    process_bytes().map(|taken| (1_u64 << 32).saturating_sub(taken))
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
