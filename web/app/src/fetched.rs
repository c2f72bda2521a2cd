//! A file from a server, piece by piece.

use crate::brought::MOST_BYTES;
use crate::browser::{call, invoke, words_of};
use js_sys::{Array, Object, Reflect};
use leptos::prelude::window;
use smolder_protocol::storage::StorageFailure;
use wasm_bindgen::prelude::*;
use web_sys::Blob;

type Result<T> = std::result::Result<T, StorageFailure>;

/// The size of a file, where the server tells it; nothing of the file comes.
pub(crate) async fn size(address: &str) -> Result<Option<u64>> {
    length(&ask(address, "HEAD").await?)
}

/// A file; `told` hears of bytes that are here, and of all where that is known, and says whether to go on. Nothing where
/// it does not.
pub(crate) async fn file(address: &str, told: impl Fn(u64, Option<u64>) -> bool) -> Result<Option<Blob>> {
    let response = ask(address, "GET").await?;
    let total = length(&response)?;
    let (parts, mut done) = (Array::new(), 0);
    let body = Reflect::get(&response, &"body".into()).map_err(|error| broken(&error))?;
    let reader = invoke(&body, "getReader", &[]).map_err(|error| broken(&error))?;
    loop {
        if done > MOST_BYTES {
            let reason = format!("{address}: expected an adapter of at most {MOST_BYTES} bytes, found more");
            return Err(StorageFailure::File { reason });
        }
        if !told(done, total) {
            let _ = invoke(&reader, "cancel", &[]);
            return Ok(None);
        }
        let step = call(&reader, "read", &[]).await.map_err(|error| broken(&error))?;
        let field = |name: &str| Reflect::get(&step, &name.into()).unwrap_or(JsValue::UNDEFINED);
        if field("done").is_truthy() {
            break;
        }
        let bytes: js_sys::Uint8Array = field("value").unchecked_into();
        done += u64::from(bytes.length());
        parts.push(&bytes);
    }
    Blob::new_with_u8_array_sequence(&parts).map(Some).map_err(|error| broken(&error))
}

/// Asks a server, who learns nothing of the person but that.
async fn ask(address: &str, method: &str) -> Result<JsValue> {
    let options = Object::new();
    for (name, value) in [
        ("method", method),
        ("cache", "no-store"),
        ("credentials", "omit"),
        ("referrerPolicy", "no-referrer"),
    ] {
        // A fresh object refuses nothing.
        let _ = Reflect::set(&options, &name.into(), &value.into());
    }
    let response = call(&window(), "fetch", &[address.into(), options.into()]).await;
    let response = response.map_err(|error| broken(&error))?;
    let status = Reflect::get(&response, &"status".into()).ok().and_then(|status| status.as_f64());
    match status.unwrap_or_default() as u16 {
        200 => Ok(response),
        status => Err(StorageFailure::Answer { status }),
    }
}

/// The length that a server tells; not that of a transfer that is compressed on its way.
fn length(response: &JsValue) -> Result<Option<u64>> {
    let headers = Reflect::get(response, &"headers".into()).map_err(|error| broken(&error))?;
    let header = |name: &str| invoke(&headers, "get", &[name.into()]).ok()?.as_string();
    let told = header("content-length").filter(|_| header("content-encoding").is_none());
    Ok(told.and_then(|length| length.parse().ok()))
}

fn broken(error: &JsValue) -> StorageFailure {
    StorageFailure::Network { reason: words_of(error) }
}
