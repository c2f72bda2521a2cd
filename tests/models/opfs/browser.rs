//! Asking the storage, and making the browser fail on purpose.

use js_sys::Array;
use smolder_protocol::StorageCommand;
use smolder_protocol::storage::{Import, Origin, Shelf, StorageEvent, StorageFailure, StoredFile};
use smolder_trainer::OpfsStorage;
use std::io::{Result, Write};
use std::sync::Once;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(js_namespace = trial)]
extern "C" {
    #[wasm_bindgen(js_name = blob)]
    fn js_blob(bytes: &[u8]) -> JsValue;
    #[wasm_bindgen(js_name = collect)]
    fn js_collect(parts: &Array, bytes: &[u8]);
    #[wasm_bindgen(js_name = joined)]
    fn js_joined(parts: &Array) -> JsValue;
    #[wasm_bindgen(js_name = leaveRoom)]
    fn js_leave_room(bytes: f64);
    #[wasm_bindgen(js_name = requests)]
    fn js_requests() -> String;
    #[wasm_bindgen(js_name = serve)]
    fn js_serve(bytes: &[u8], etag: &str, ranges: bool, most: f64);
    #[wasm_bindgen(js_name = answerWith)]
    fn js_answer_with(status: u16);
}

fn set_up() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(js_sys::eval(include_str!("browser.js")).expect("the script runs")));
}

/// A file as a page passes it on.
pub fn blob(bytes: &[u8]) -> JsValue {
    set_up();
    js_blob(bytes)
}

/// Becomes a file outside WebAssembly's memory.
#[derive(Default)]
pub struct Collector(Array);

impl Collector {
    /// All that was written.
    pub fn blob(&self) -> JsValue {
        js_joined(&self.0)
    }
}

impl Write for Collector {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        set_up();
        js_collect(&self.0, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// From now on so many bytes can be written.
pub fn leave_room(bytes: f64) {
    set_up();
    js_leave_room(bytes);
}

/// The ranges that were asked for since the last time.
pub fn requests() -> String {
    js_requests()
}

/// How a server behaves.
#[derive(Clone, Copy)]
pub struct Server<'a> {
    pub bytes: &'a [u8],
    pub etag: &'a str,
    /// Whether it knows ranges.
    pub ranges: bool,
    /// Bytes after which it breaks off.
    pub most: f64,
}

impl Server<'_> {
    /// From now on it has this file at [`from_server`]'s address.
    pub fn serve(self) {
        set_up();
        js_serve(self.bytes, self.etag, self.ranges, self.most);
    }
}

/// From now on every address is answered like this.
pub fn answer_with(status: u16) {
    set_up();
    js_answer_with(status);
}

/// A model that travels beside the command.
pub fn import(name: &str) -> Import {
    let origin = Origin::Attached;
    Import { id: 1, shelf: Shelf::Models, name: name.to_owned(), origin, sha256: None, bytes: None }
}

/// A model that the server has.
pub fn from_server(name: &str) -> Import {
    Import { origin: Origin::Url("/model.gguf".to_owned()), ..import(name) }
}

/// All that is told of a command.
pub async fn ask(command: StorageCommand, file: Option<JsValue>) -> Vec<StorageEvent> {
    let mut events = Vec::new();
    OpfsStorage::default().answer(command, file, &mut |event| events.push(event)).await;
    events
}

/// The reports of an import on its way, and its end.
pub async fn try_import(
    wanted: &Import,
    file: Option<JsValue>,
) -> (Vec<u64>, std::result::Result<StoredFile, StorageFailure>) {
    let mut events = ask(StorageCommand::Import(wanted.clone()), file).await;
    let end = match events.pop() {
        Some(StorageEvent::Imported { file, .. }) => Ok(file),
        Some(StorageEvent::Refused { id, failure }) => {
            assert_eq!(id, Some(wanted.id));
            Err(failure)
        }
        other => panic!("{other:?}"),
    };
    let done = events.iter().map(|event| match event {
        StorageEvent::Importing { done_bytes, .. } => *done_bytes,
        other => panic!("{other:?}"),
    });
    (done.collect(), end)
}

/// An import that works.
pub async fn imported(wanted: &Import, file: Option<JsValue>) -> StoredFile {
    try_import(wanted, file).await.1.unwrap()
}

/// An import that does not.
pub async fn refused(wanted: &Import, file: Option<JsValue>) -> StorageFailure {
    try_import(wanted, file).await.1.unwrap_err()
}

/// What is there.
pub async fn listed() -> Vec<StoredFile> {
    match ask(StorageCommand::List, None).await.pop() {
        Some(StorageEvent::Listed(files)) => files,
        other => panic!("{other:?}"),
    }
}

/// What is there under a name: size, and whether it is whole.
pub async fn there(name: &str) -> Vec<(u64, bool)> {
    let files = listed().await.into_iter().filter(|file| file.name == name);
    files.map(|file| (file.bytes, file.whole)).collect()
}

/// Deletes a model.
pub async fn remove(name: &str) {
    let command = StorageCommand::Remove { shelf: Shelf::Models, name: name.to_owned() };
    let removed = StorageEvent::Removed { shelf: Shelf::Models, name: name.to_owned() };
    assert_eq!(ask(command, None).await, [removed]);
}
