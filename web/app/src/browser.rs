//! Interfaces of the browser that web-sys has only behind a flag of the whole build, or not at all.

use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use leptos::prelude::{document, window};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, HtmlElement, Url};

/// Calls `method`.
pub(crate) fn invoke(object: &JsValue, method: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let function: Function = Reflect::get(object, &method.into())?.dyn_into()?;
    function.apply(object, &arguments.iter().collect::<Array>())
}

/// Calls `method` and waits for what it promises.
pub(crate) async fn call(object: &JsValue, method: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    JsFuture::from(invoke(object, method, arguments)?.dyn_into::<Promise>()?).await
}

/// Makes a `class` of the browser's.
fn make(class: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let class: Function = Reflect::get(&window(), &class.into())?.dyn_into()?;
    Reflect::construct(&class, &arguments.iter().collect::<Array>())
}

/// A part of `navigator`.
pub(crate) fn of_navigator(name: &str) -> Result<JsValue, JsValue> {
    Reflect::get(&window().navigator(), &name.into())
}

/// The machine's memory in bytes, where the browser tells; some tell no more than 8 GiB.
pub(crate) fn memory_bytes() -> Option<u64> {
    let gibibytes = of_navigator("deviceMemory").ok()?.as_f64()?;
    Some((gibibytes * f64::from(1 << 30)) as u64)
}

/// A file in the tab's private file system, by its path from the root; nothing of it is read yet.
pub(crate) async fn stored_blob(path: &[&str]) -> Result<Blob, JsValue> {
    let Some((name, folders)) = path.split_last() else { return Err("no path".into()) };
    let mut folder = call(&of_navigator("storage")?, "getDirectory", &[]).await?;
    for name in folders {
        folder = call(&folder, "getDirectoryHandle", &[(*name).into()]).await?;
    }
    let handle = call(&folder, "getFileHandle", &[(*name).into()]).await?;
    call(&handle, "getFile", &[]).await?.dyn_into()
}

/// Its bytes.
pub(crate) async fn stored_file(path: &[&str]) -> Result<Vec<u8>, JsValue> {
    bytes_of(&stored_blob(path).await?).await
}

/// The bytes of a file that is small.
pub(crate) async fn bytes_of(blob: &Blob) -> Result<Vec<u8>, JsValue> {
    Ok(Uint8Array::new(&call(blob, "arrayBuffer", &[]).await?).to_vec())
}

/// The text of a file that is small.
pub(crate) async fn text_of(blob: &Blob) -> Result<String, JsValue> {
    Ok(String::from_utf8_lossy(&bytes_of(blob).await?).into_owned())
}

/// A part of a file; nothing of it is read yet.
pub(crate) fn part_of(blob: &Blob, from: u64, to: u64) -> Result<Blob, JsValue> {
    blob.slice_with_f64_and_f64(from as f64, to as f64)
}

/// What was packed with "deflate".
pub(crate) async fn unpacked(packed: &Blob) -> Result<Blob, JsValue> {
    let stream = invoke(packed, "stream", &[])?;
    let unpacking = make("DecompressionStream", &["deflate-raw".into()])?;
    let response = make("Response", &[invoke(&stream, "pipeThrough", &[unpacking])?])?;
    call(&response, "blob", &[]).await?.dyn_into()
}

/// A moment, given in milliseconds since 1970, as people who speak `language` write it.
pub(crate) fn date(ms: u64, language: &str) -> String {
    let style = js_sys::Object::new();
    for (name, value) in [("dateStyle", "medium"), ("timeStyle", "short")] {
        // A fresh object refuses nothing.
        let _ = Reflect::set(&style, &name.into(), &value.into());
    }
    js_sys::Date::new(&(ms as f64).into()).to_locale_string(language, &style).into()
}

/// What an error says of itself.
pub(crate) fn words_of(error: &JsValue) -> String {
    String::from(js_sys::Object::from(error.clone()).to_string())
}

/// Puts text on the clipboard; whether the browser did.
pub(crate) async fn copy_text(text: &str) -> bool {
    // An insecure page has no clipboard at all, so ask before touching it.
    window().is_secure_context()
        && JsFuture::from(window().navigator().clipboard().write_text(text)).await.is_ok()
}

/// Hands bytes to the browser's downloads.
pub(crate) fn save(name: &str, bytes: &[u8], kind: &str) -> Result<(), JsValue> {
    let about = BlobPropertyBag::new();
    about.set_type(kind);
    let parts = Array::of1(&Uint8Array::from(bytes));
    save_blob(name, &Blob::new_with_u8_array_sequence_and_options(&parts, &about)?)
}

/// Hands a file to the browser's downloads.
pub(crate) fn save_blob(name: &str, file: &Blob) -> Result<(), JsValue> {
    let address = Url::create_object_url_with_blob(file)?;
    let link: HtmlElement = document().create_element("a")?.dyn_into()?;
    link.set_attribute("href", &address)?;
    link.set_attribute("download", name)?;
    link.click();
    // The browser reads it after this returns; a minute is enough to begin.
    gloo_timers::callback::Timeout::new(60_000, move || drop(Url::revoke_object_url(&address))).forget();
    Ok(())
}
