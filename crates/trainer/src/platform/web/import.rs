//! A file into the tab's storage: piece by piece, verified, then moved into place.

use super::adopt::adopt;
use super::fetch::{self, Offer};
use super::js::{self, AbortSignal, Blob};
use super::part::{NOTE, Note, Part};
use smolder_formats::sniff;
use smolder_formats::source::CHUNK_BYTES;
use smolder_protocol::storage::{AdapterRemark, Import, Origin, Shelf, StorageFailure};

/// Told of bytes done and, where somebody says, in all.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(u64, Option<u64>);

/// Takes a file in, unless it is stopped; what has arrived from an address outlives a failure. Returns its
/// size, and what should be known of an adapter.
pub(crate) async fn import(
    wanted: &Import,
    attached: Option<&Blob>,
    stop: &AbortSignal,
    progress: Progress<'_>,
) -> Result<(u64, Vec<AdapterRemark>), StorageFailure> {
    check_name(&wanted.name)?;
    let mut part = Part::open(wanted.shelf, &wanted.name).await?;
    let arrived = match (&wanted.origin, attached) {
        (Origin::Url(address), _) => {
            transfer(address, wanted, &mut part, stop, progress).await.map(|()| Vec::new())
        }
        (Origin::Attached, Some(blob)) => {
            copy(blob, wanted, &mut part, stop, progress).await.map(|()| Vec::new())
        }
        (Origin::Adapter { model, config }, Some(blob)) => {
            take_adapter(blob, wanted, (model, config.as_deref()), &mut part).await
        }
        (Origin::Attached | Origin::Adapter { .. }, None) => {
            Err(file(&wanted.name, "a file beside the command", "none"))
        }
    };
    let whole = arrived.and_then(|remarks| check(wanted, &mut part).map(|()| remarks));
    match (whole, &wanted.origin) {
        (Ok(remarks), _) => {
            let bytes = part.len;
            part.keep().await?;
            Ok((bytes, remarks))
        }
        (Err(failure), Origin::Url(_)) if part.len > 0 && goes_on(&failure) => Err(failure),
        (Err(failure), _) => {
            part.delete().await;
            Err(failure)
        }
    }
}

/// Whether what has arrived is of use to a second try.
fn goes_on(failure: &StorageFailure) -> bool {
    !matches!(
        failure,
        StorageFailure::File { .. } | StorageFailure::Sha256 { .. } | StorageFailure::OtherBase { .. }
    )
}

/// Names that folders can hold, and that are not the parts' own.
pub(crate) fn check_name(name: &str) -> Result<(), StorageFailure> {
    let fits = !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && !name.ends_with(NOTE);
    let plain = !name.contains(['/', '\\']) && !name.chars().any(char::is_control);
    if fits && plain { Ok(()) } else { Err(file(name, "a file name", "something else")) }
}

async fn copy(
    blob: &Blob,
    wanted: &Import,
    part: &mut Part,
    stop: &AbortSignal,
    progress: Progress<'_>,
) -> Result<(), StorageFailure> {
    let total = blob.bytes() as u64;
    part.restart(Note::default()).await?;
    progress(0, Some(total));
    while part.len < total {
        if stop.aborted() {
            return Err(StorageFailure::Cancelled);
        }
        // A file that was changed since it was chosen cannot be read any more.
        let bytes = js::read(blob, part.len, CHUNK_BYTES as u64).await;
        let bytes = bytes.map_err(|error| file(&wanted.name, "a readable file", &js::words(&error).1))?;
        take(&bytes, wanted, part, Some(total))?;
        progress(part.len, Some(total));
    }
    Ok(())
}

async fn take_adapter(
    blob: &Blob,
    wanted: &Import,
    made_for: (&str, Option<&str>),
    part: &mut Part,
) -> Result<Vec<AdapterRemark>, StorageFailure> {
    let (bytes, remarks) = adopt(blob, &wanted.name, made_for).await?;
    part.restart(Note::default()).await?;
    part.write(&bytes, Some(bytes.len() as u64))?;
    Ok(remarks)
}

/// Brings the part to its full length.
async fn transfer(
    address: &str,
    wanted: &Import,
    part: &mut Part,
    stop: &AbortSignal,
    progress: Progress<'_>,
) -> Result<(), StorageFailure> {
    let continued = part.len > 0 && part.note.address == address && part.note.etag.is_some();
    let mut response = fetch::get(address, if continued { part.len } else { 0 }, stop).await?;
    let mut offer =
        if continued { fetch::offer(&response, part.len, part.note.etag.as_deref()) } else { Offer::Whole };
    if offer == Offer::Misfit {
        response = fetch::get(address, 0, stop).await?;
        offer = Offer::Whole;
    }
    let total = match offer {
        Offer::Rest(total) => Some(total),
        Offer::Nothing => Some(part.len),
        Offer::Whole | Offer::Misfit => fetch::whole(&response)?,
    };
    if let (Some(expected), Some(found)) = (wanted.bytes, total)
        && expected != found
    {
        return Err(file(address, &format!("{expected} bytes"), &found.to_string()));
    }
    if offer == Offer::Whole {
        let etag = fetch::header(&response, "etag");
        part.restart(Note { address: address.to_owned(), etag }).await?;
    } else {
        part.resume().await?;
    }
    progress(part.len, total);
    let Some(reader) = fetch::reader(&response)?.filter(|_| offer != Offer::Nothing) else { return Ok(()) };
    while let Some(bytes) = fetch::next(&reader, stop).await? {
        take(&bytes, wanted, part, total)?;
        progress(part.len, total);
    }
    match total {
        Some(total) if part.len < total => {
            Err(StorageFailure::Network { reason: format!("{} of {total} bytes", part.len) })
        }
        _ => Ok(()),
    }
}

/// Writes bytes, and looks at the first ones: a model's file starts in one way only.
fn take(bytes: &[u8], wanted: &Import, part: &mut Part, total: Option<u64>) -> Result<(), StorageFailure> {
    let unknown = part.len < START as u64;
    part.write(bytes, total)?;
    if unknown && part.len >= START as u64 { check_start(wanted, part) } else { Ok(()) }
}

/// Bytes that tell files apart.
const START: usize = 8;

fn check_start(wanted: &Import, part: &mut Part) -> Result<(), StorageFailure> {
    let start: [u8; START] = part.start()?;
    if wanted.shelf == Shelf::Models && !start.starts_with(b"GGUF") {
        return Err(file(&wanted.name, "a GGUF model", &sniff::describe(&start)));
    }
    Ok(())
}

/// Compares what has arrived with what is known of it.
fn check(wanted: &Import, part: &mut Part) -> Result<(), StorageFailure> {
    check_start(wanted, part)?;
    if let Some(expected) = wanted.bytes.filter(|expected| *expected != part.len) {
        return Err(file(&wanted.name, &format!("{expected} bytes"), &part.len.to_string()));
    }
    let found = part.sha256().to_string();
    match &wanted.sha256 {
        Some(expected) if !expected.eq_ignore_ascii_case(&found) => {
            Err(StorageFailure::Sha256 { expected: expected.clone(), found })
        }
        _ => Ok(()),
    }
}

fn file(name: &str, expected: &str, found: &str) -> StorageFailure {
    let error = smolder_formats::Error::new(smolder_formats::Kind::Value, "", expected, found);
    StorageFailure::File { reason: error.in_file(name).to_string() }
}
