//! The page's end of the worker.
//!
//! Not `gloo-worker`: it wants one Rust type that both sides share, which would bring the trainer into the page's
//! program, and it tells nobody when a worker fails to load or crashes.
//!
//! The worker starts from a `blob:` address because such a worker inherits this page's Content-Security-Policy; one
//! that is loaded from the server takes its policy from that response's headers, and a static host sends none. So
//! the page's `connect-src` binds the trainer too. The blob only imports `web/worker.js`, whose address carries the
//! build, so that a cached file of an older release is never taken.

use crate::BUILD;
use crate::link::{Failure, Loading, Message};
use js_sys::{Array, Object, Reflect};
use smolder_protocol::Command;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, BlobPropertyBag, ErrorEvent, MessageEvent, Url, Worker, WorkerOptions, WorkerType};

/// A running worker; dropped, it ends.
pub(crate) struct Bridge {
    worker: Worker,
    address: String,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl Bridge {
    /// Starts the worker and tells `hear` what comes from it.
    pub(crate) fn start(hear: impl Fn(Message) + Clone + 'static) -> Result<Self, Failure> {
        if !Reflect::has(&js_sys::global(), &"Worker".into()).unwrap_or(false) {
            return Err(Failure::NoWorkers);
        }
        let address = worker_address().map_err(not_loaded)?;
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(&address, &options).map_err(not_loaded)?;
        let on_message = on_message(hear.clone());
        let on_error = on_error(hear);
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { worker, address, _on_message: on_message, _on_error: on_error })
    }

    pub(crate) fn send(&self, command: &Command) {
        if let Ok(json) = serde_json::to_string(command) {
            let _ = self.worker.post_message(&json.into());
        }
    }

    /// Sends a command together with the file that it speaks of.
    pub(crate) fn send_with(&self, command: &Command, file: &JsValue) {
        if let Ok(json) = serde_json::to_string(command) {
            let both = Object::new();
            let _ = Reflect::set(&both, &"command".into(), &json.into());
            let _ = Reflect::set(&both, &"file".into(), file);
            let _ = self.worker.post_message(&both);
        }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
        let _ = Url::revoke_object_url(&self.address);
    }
}

/// A `blob:` address of a module that imports the worker's script.
fn worker_address() -> Result<String, JsValue> {
    let base = leptos::prelude::document().base_uri()?.unwrap_or_default();
    let script = Url::new_with_base(&format!("worker.js?v={BUILD}"), &base)?.href();
    let module = format!("import {};", js_sys::JSON::stringify(&script.into())?);
    let kind = BlobPropertyBag::new();
    kind.set_type("text/javascript");
    let blob = Blob::new_with_str_sequence_and_options(&Array::of1(&module.into()), &kind)?;
    Url::create_object_url_with_blob(&blob)
}

fn on_message(hear: impl Fn(Message) + 'static) -> Closure<dyn FnMut(MessageEvent)> {
    Closure::new(move |event: MessageEvent| hear(read(&event.data())))
}

/// The script itself did not come or does not parse: later errors arrive as messages from `web/worker.js`.
fn on_error(hear: impl Fn(Message) + 'static) -> Closure<dyn FnMut(ErrorEvent)> {
    Closure::new(move |event: ErrorEvent| {
        event.prevent_default();
        let reason = Reflect::get(&event, &"message".into()).ok().and_then(|text| text.as_string());
        hear(Message::Failed(Failure::NotLoaded(reason.unwrap_or_default())));
    })
}

/// The trainer sends events as JSON text; `web/worker.js` sends objects about loading and failing.
fn read(data: &JsValue) -> Message {
    if let Some(json) = data.as_string() {
        return serde_json::from_str(&json).map_or_else(|error| unreadable(&error), Message::Said);
    }
    let field = |name: &str| Reflect::get(data, &name.into()).unwrap_or(JsValue::UNDEFINED);
    if let Some(loaded) = field("loaded").as_f64() {
        let total_bytes = field("total").as_f64().map(|total| total as u64);
        return Message::Loading(Loading { loaded_bytes: loaded as u64, total_bytes });
    }
    Message::Failed(match (field("crashed").as_string(), field("failed").as_string()) {
        (Some(reason), _) => Failure::Crashed(reason),
        (None, reason) => Failure::NotLoaded(reason.unwrap_or_default()),
    })
}

/// Only a worker of another build speaks a language that this page cannot read.
fn unreadable(error: &serde_json::Error) -> Message {
    Message::Failed(Failure::OtherBuild { ours: BUILD.to_owned(), theirs: error.to_string() })
}

fn not_loaded(error: JsValue) -> Failure {
    Failure::NotLoaded(Object::from(error).to_string().into())
}
