//! Messages as JSON text, one per `postMessage`.

use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use js_sys::{Object, Reflect};
use smolder_protocol::{Command, Event};
use smolder_trainer::NoFiles;
use std::panic::PanicHookInfo;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

const BUILD: &str = match option_env!("SMOLDER_BUILD") {
    Some(build) => build,
    None => "dev",
};

/// Runs the trainer until the page ends the worker.
pub(crate) fn serve() {
    std::panic::set_hook(Box::new(report_panic));
    let commands = commands();
    wasm_bindgen_futures::spawn_local(smolder_trainer::run(BUILD, NoFiles, commands, |event| emit(&event)));
}

/// What the page sends, from now on.
fn commands() -> UnboundedReceiver<Command> {
    let (sender, commands) = unbounded();
    let hear = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(command) = event.data().as_string().and_then(|json| serde_json::from_str(&json).ok()) {
            let _ = sender.unbounded_send(command);
        }
    });
    scope().set_onmessage(Some(hear.as_ref().unchecked_ref()));
    hear.forget();
    commands
}

fn emit(event: &Event) {
    if let Ok(json) = serde_json::to_string(event) {
        post(&json.into());
    }
}

/// A panic ends the program without a further word, and the page would wait for one.
fn report_panic(info: &PanicHookInfo) {
    console_error_panic_hook::hook(info);
    let crash = Object::new();
    let _ = Reflect::set(&crash, &"crashed".into(), &info.to_string().into());
    post(&crash);
}

fn post(message: &JsValue) {
    let _ = scope().post_message(message);
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}
