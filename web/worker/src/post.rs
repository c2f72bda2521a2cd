//! Messages as JSON text, one per `postMessage`; a command that brings a file is an object of both.

use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use js_sys::{Object, Reflect};
use smolder_protocol::{Command, Event, StorageCommand, TrainCommand};
use smolder_trainer::{OpfsFiles, OpfsRecord, OpfsStorage};
use std::panic::PanicHookInfo;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

const BUILD: &str = match option_env!("SMOLDER_BUILD") {
    Some(build) => build,
    None => "dev",
};

/// Runs the trainer until the page ends the worker.
pub(crate) fn serve() {
    std::panic::set_hook(Box::new(report_panic));
    let record = OpfsRecord::default();
    let commands = commands(record.clone());
    spawn_local(smolder_trainer::run(BUILD, OpfsFiles, commands, move |event| {
        if let Event::Train(event) = &event {
            record.hear(event);
        }
        emit(&event);
    }));
}

/// What the page sends from now on; the storage is looked after beside it.
fn commands(record: OpfsRecord) -> UnboundedReceiver<Command> {
    let (sender, commands) = unbounded();
    let storage = Rc::new(OpfsStorage::default());
    let hear = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| match read(&event.data()) {
        Some((Command::Storage(command), file)) => spawn_local(store(storage.clone(), command, file)),
        Some((command, _)) => {
            if let Command::Train(TrainCommand::Start { config, .. }) = &command {
                record.begin(config);
            }
            drop(sender.unbounded_send(command));
        }
        None => {}
    });
    scope().set_onmessage(Some(hear.as_ref().unchecked_ref()));
    hear.forget();
    commands
}

async fn store(storage: Rc<OpfsStorage>, command: StorageCommand, file: Option<JsValue>) {
    storage.answer(command, file, &mut |event| emit(&Event::Storage(event))).await;
}

/// A command, and the file that came with it: `"…"` or `{ command: "…", file }`.
fn read(data: &JsValue) -> Option<(Command, Option<JsValue>)> {
    let field = |name: &str| Reflect::get(data, &name.into()).ok();
    let (json, file) = match data.as_string() {
        Some(json) => (json, None),
        None => (field("command")?.as_string()?, field("file").filter(JsValue::is_object)),
    };
    Some((serde_json::from_str(&json).ok()?, file))
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
