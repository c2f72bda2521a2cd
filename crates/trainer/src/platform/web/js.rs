//! The browser's interfaces that web-sys would bring at the price of compiling burn anew.

use js_sys::{Object, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    /// A folder of the origin's private file system.
    #[wasm_bindgen(extends = Object)]
    #[derive(Clone, Debug)]
    pub type DirectoryHandle;
    #[wasm_bindgen(method, catch, js_name = getDirectoryHandle)]
    pub fn directory(this: &DirectoryHandle, name: &str, options: &Object) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = getFileHandle)]
    pub fn file(this: &DirectoryHandle, name: &str, options: &Object) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = removeEntry)]
    pub fn remove(this: &DirectoryHandle, name: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = removeEntry)]
    pub fn remove_with(this: &DirectoryHandle, name: &str, options: &Object) -> Result<Promise, JsValue>;
    /// An asynchronous iterator over the entries.
    #[wasm_bindgen(method, catch)]
    pub fn values(this: &DirectoryHandle) -> Result<Steps, JsValue>;

    /// A file or folder of the same.
    #[wasm_bindgen(extends = Object)]
    #[derive(Clone, Debug)]
    pub type FileHandle;
    #[wasm_bindgen(method, getter)]
    pub fn kind(this: &FileHandle) -> String;
    #[wasm_bindgen(method, getter)]
    pub fn name(this: &FileHandle) -> String;
    #[wasm_bindgen(method, catch, js_name = getFile)]
    pub fn blob(this: &FileHandle) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = createSyncAccessHandle)]
    pub fn access(this: &FileHandle, options: &Object) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = move)]
    pub fn rename(this: &FileHandle, to: &DirectoryHandle, name: &str) -> Result<Promise, JsValue>;

    /// An open file; only dedicated workers have these.
    #[wasm_bindgen(extends = Object)]
    #[derive(Clone, Debug)]
    pub type AccessHandle;
    #[wasm_bindgen(method, catch)]
    pub fn read(this: &AccessHandle, into: &mut [u8], options: &Object) -> Result<f64, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn write(this: &AccessHandle, bytes: &[u8], options: &Object) -> Result<f64, JsValue>;
    #[wasm_bindgen(method, catch, js_name = getSize)]
    pub fn size(this: &AccessHandle) -> Result<f64, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn truncate(this: &AccessHandle, bytes: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn flush(this: &AccessHandle) -> Result<(), JsValue>;
    #[wasm_bindgen(method)]
    pub fn close(this: &AccessHandle);

    /// What an asynchronous iterator or a stream's reader gives.
    #[wasm_bindgen(extends = Object)]
    #[derive(Clone, Debug)]
    pub type Steps;
    #[wasm_bindgen(method, catch)]
    pub fn next(this: &Steps) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = read)]
    pub fn read_step(this: &Steps) -> Result<Promise, JsValue>;

    /// A step of [`Steps`].
    pub type Step;
    #[wasm_bindgen(method, getter)]
    pub fn done(this: &Step) -> bool;
    #[wasm_bindgen(method, getter)]
    pub fn value(this: &Step) -> JsValue;

    /// Bytes that a page passes on without reading them.
    #[wasm_bindgen(extends = Object)]
    #[derive(Clone, Debug)]
    pub type Blob;
    #[wasm_bindgen(method, getter, js_name = size)]
    pub fn bytes(this: &Blob) -> f64;
    /// Of a file alone, in milliseconds since 1970.
    #[wasm_bindgen(method, getter, js_name = lastModified)]
    pub fn changed_ms(this: &Blob) -> f64;
    #[wasm_bindgen(method, js_name = slice)]
    pub fn part(this: &Blob, from: f64, to: f64) -> Blob;
    #[wasm_bindgen(method, catch, js_name = arrayBuffer)]
    pub fn content(this: &Blob) -> Result<Promise, JsValue>;

    /// Stops a request.
    #[derive(Clone, Debug)]
    pub type AbortController;
    #[wasm_bindgen(constructor)]
    pub fn new() -> AbortController;
    #[wasm_bindgen(method)]
    pub fn abort(this: &AbortController);
    #[wasm_bindgen(method, getter)]
    pub fn signal(this: &AbortController) -> AbortSignal;

    /// Says whether it was stopped.
    #[wasm_bindgen(extends = Object)]
    #[derive(Clone, Debug)]
    pub type AbortSignal;
    #[wasm_bindgen(method, getter)]
    pub fn aborted(this: &AbortSignal) -> bool;

    /// An answer from a server.
    #[wasm_bindgen(extends = Object)]
    #[derive(Clone, Debug)]
    pub type Response;
    #[wasm_bindgen(method, getter)]
    pub fn status(this: &Response) -> u16;
    #[wasm_bindgen(method, getter)]
    pub fn headers(this: &Response) -> Headers;
    #[wasm_bindgen(method, getter)]
    pub fn body(this: &Response) -> Option<Body>;

    /// Its headers.
    pub type Headers;
    #[wasm_bindgen(method, catch)]
    pub fn get(this: &Headers, name: &str) -> Result<Option<String>, JsValue>;

    /// What it brings.
    pub type Body;
    #[wasm_bindgen(method, catch, js_name = getReader)]
    pub fn reader(this: &Body) -> Result<Steps, JsValue>;

    #[wasm_bindgen(catch, js_name = fetch)]
    pub fn fetch(address: &str, options: &Object) -> Result<Promise, JsValue>;
}

/// Waits for what a promise brings.
pub async fn wait<T: JsCast>(promise: Result<Promise, JsValue>) -> Result<T, JsValue> {
    Ok(JsFuture::from(promise?).await?.unchecked_into())
}

/// An object with these fields.
pub fn object(fields: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        // A fresh object refuses nothing.
        let _ = js_sys::Reflect::set(&object, &(*name).into(), value);
    }
    object
}

/// Bytes of a blob from `from` on, at most so many.
pub async fn read(blob: &Blob, from: u64, most: u64) -> Result<Vec<u8>, JsValue> {
    let part = blob.part(from as f64, (from + most) as f64);
    let buffer: JsValue = wait(part.content()).await?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// The name and the words of an error that JavaScript threw.
pub fn words(error: &JsValue) -> (String, String) {
    let field = |name: &str| {
        let value = js_sys::Reflect::get(error, &name.into()).ok();
        value.and_then(|value| value.as_string()).unwrap_or_default()
    };
    (field("name"), field("message"))
}
