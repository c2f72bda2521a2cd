//! Files from a server, whole or from somewhere on.

use super::js::{self, AbortSignal, Response, Step, Steps, object, wait};
use js_sys::Uint8Array;
use smolder_protocol::storage::StorageFailure;
use wasm_bindgen::JsValue;

/// What an answer to a request for the rest of a file means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// The rest of the same file, which has so many bytes in all.
    Rest(u64),
    /// There is no rest: all is here.
    Nothing,
    /// A whole file that is to be taken from its beginning.
    Whole,
    /// Something that does not fit what is here: ask again, for the whole file.
    Misfit,
}

/// Asks for the bytes from `from` on.
pub(crate) async fn get(address: &str, from: u64, stop: &AbortSignal) -> Result<Response, StorageFailure> {
    let range = format!("bytes={from}-");
    let headers = if from > 0 { object(&[("Range", range.into())]) } else { object(&[]) };
    let options = object(&[
        ("headers", headers.into()),
        ("signal", stop.into()),
        ("cache", "no-store".into()),
        ("credentials", "omit".into()),
        ("referrerPolicy", "no-referrer".into()),
    ]);
    wait(js::fetch(address, &options)).await.map_err(|error| broken(&error, stop))
}

/// A header, where the server lets a page see it.
pub(crate) fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).ok().flatten()
}

/// Reads what the server says to a request for the bytes from `have` on of the version `etag`.
pub(crate) fn offer(response: &Response, have: u64, etag: Option<&str>) -> Offer {
    let range = header(response, "content-range").unwrap_or_default();
    match response.status() {
        200 => Offer::Whole,
        416 if range == format!("bytes */{have}") => Offer::Nothing,
        206 if header(response, "etag").as_deref() == etag => {
            rest_of(&range, have).map_or(Offer::Misfit, Offer::Rest)
        }
        _ => Offer::Misfit,
    }
}

/// The whole size in a `Content-Range` that goes from `have` to the end: `bytes 5-9/10`.
fn rest_of(range: &str, have: u64) -> Option<u64> {
    let (span, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = span.split_once('-')?;
    let [first, last, total] = [first, last, total].map(|number| number.parse::<u64>().ok());
    (first? == have && last?.checked_add(1)? == total? && total? > have).then_some(total?)
}

/// The size of a whole file, where the server says: not of one that is compressed on its way.
pub(crate) fn whole(response: &Response) -> Result<Option<u64>, StorageFailure> {
    if response.status() != 200 {
        return Err(StorageFailure::Answer { status: response.status() });
    }
    let length =
        header(response, "content-length").filter(|_| header(response, "content-encoding").is_none());
    Ok(length.and_then(|length| length.parse().ok()))
}

/// What reads the answer's bytes; nothing where it has none.
pub(crate) fn reader(response: &Response) -> Result<Option<Steps>, StorageFailure> {
    let refused = |error: JsValue| StorageFailure::Refused { reason: js::words(&error).1 };
    response.body().map(|body| body.reader().map_err(refused)).transpose()
}

/// The next bytes; nothing at the end.
pub(crate) async fn next(reader: &Steps, stop: &AbortSignal) -> Result<Option<Vec<u8>>, StorageFailure> {
    let read: Step = wait(reader.read_step()).await.map_err(|error| broken(&error, stop))?;
    Ok((!read.done()).then(|| Uint8Array::new(&read.value()).to_vec()))
}

fn broken(error: &JsValue, stop: &AbortSignal) -> StorageFailure {
    if stop.aborted() {
        return StorageFailure::Cancelled;
    }
    StorageFailure::Network { reason: js::words(error).1 }
}
