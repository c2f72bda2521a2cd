//! Interfaces of the browser that web-sys has only behind a flag of the whole build, or not at all.

use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use leptos::prelude::{document, window};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, HtmlElement, Url};

/// Calls `method` and waits for what it promises.
pub(crate) async fn call(object: &JsValue, method: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let function: Function = Reflect::get(object, &method.into())?.dyn_into()?;
    let promise = function.apply(object, &arguments.iter().collect::<Array>())?;
    JsFuture::from(promise.dyn_into::<Promise>()?).await
}

/// A part of `navigator`.
pub(crate) fn of_navigator(name: &str) -> Result<JsValue, JsValue> {
    Reflect::get(&window().navigator(), &name.into())
}

/// The bytes of a file in the tab's private file system, by its path from the root.
pub(crate) async fn stored_file(path: &[&str]) -> Result<Vec<u8>, JsValue> {
    let Some((name, folders)) = path.split_last() else { return Err("no path".into()) };
    let mut folder = call(&of_navigator("storage")?, "getDirectory", &[]).await?;
    for name in folders {
        folder = call(&folder, "getDirectoryHandle", &[(*name).into()]).await?;
    }
    let handle = call(&folder, "getFileHandle", &[(*name).into()]).await?;
    let file = call(&handle, "getFile", &[]).await?;
    Ok(Uint8Array::new(&call(&file, "arrayBuffer", &[]).await?).to_vec())
}

/// Hands bytes to the browser's downloads.
pub(crate) fn save(name: &str, bytes: &[u8], kind: &str) -> Result<(), JsValue> {
    let about = BlobPropertyBag::new();
    about.set_type(kind);
    let parts = Array::of1(&Uint8Array::from(bytes));
    let address =
        Url::create_object_url_with_blob(&Blob::new_with_u8_array_sequence_and_options(&parts, &about)?)?;
    let link: HtmlElement = document().create_element("a")?.dyn_into()?;
    link.set_attribute("href", &address)?;
    link.set_attribute("download", name)?;
    link.click();
    // The browser reads it after this returns; a minute is enough to begin.
    gloo_timers::callback::Timeout::new(60_000, move || drop(Url::revoke_object_url(&address))).forget();
    Ok(())
}
