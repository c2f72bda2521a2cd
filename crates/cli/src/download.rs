//! One file from the hub into the cache: resumed where it broke off, verified, then moved into place.

use crate::hub::{Answer, Hub, Linked, header};
use crate::output::tell;
use crate::part::Part;
use crate::progress::{Transfer, percent};
use crate::store::Receipt;
use anyhow::{Error, Result, bail, ensure};
use smolder_formats::Source;
use smolder_formats::inspect::size;
use smolder_formats::sniff;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use ureq::Body;
use ureq::http::Response;

/// A file that is wanted, and what is known of it beforehand.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its address at the hub.
    pub address: String,
    /// Where it shall lie.
    pub path: PathBuf,
    /// Its size and hash, where they are known.
    pub known: Linked,
}

/// Downloads what is wanted. What arrives is kept in a `.part` file, and a later call goes on from there.
///
/// # Errors
/// A sentence each for a network, server, disk or file that is not as it must be.
pub fn fetch(hub: &Hub, wanted: &Wanted) -> Result<()> {
    let mut part = Part::open(&wanted.path)?;
    let mut known = wanted.known.clone();
    if part.len == 0 || known.bytes != Some(part.len) {
        let linked = transfer(hub, wanted, &mut part)?;
        known.sha256 = known.sha256.or(linked.sha256);
    }
    finish(part, wanted, known.sha256.as_deref())
}

/// Verifies what has arrived and moves it into place.
fn finish(part: Part, wanted: &Wanted, known: Option<&str>) -> Result<()> {
    let sha256 = hash(part.source()?)?;
    let receipt = Receipt::read(&wanted.path)?;
    if let Some((who, expected)) = vouchers(known, receipt.as_ref()).find(|(_, expected)| *expected != sha256)
    {
        part.delete()?;
        bail!(
            "{} has SHA-256 {sha256}, but {who} says {expected}: it was deleted. Download it again; if that ends in \
             the same way, do not trust this address. `smolder models rm` forgets earlier downloads",
            wanted.address
        );
    }
    if known.is_none() && receipt.is_none() {
        tell!(
            "Nobody vouches for this file: its SHA-256 {sha256} is noted and will be expected from now on."
        );
    }
    let (address, etag) = (wanted.address.clone(), part.etag.clone());
    Receipt { address, bytes: part.len, etag, sha256 }.write(&wanted.path)?;
    part.keep()
}

/// Compares a file with its receipt, or with what the catalog says; a missing receipt is written.
pub fn verify(wanted: &Wanted) -> Result<()> {
    let source = crate::open::source(&wanted.path)?;
    let bytes = source.len();
    let sha256 = hash(source)?;
    let receipt = Receipt::read(&wanted.path)?;
    let mut vouchers = vouchers(wanted.known.sha256.as_deref(), receipt.as_ref());
    if let Some((who, expected)) = vouchers.find(|(_, expected)| *expected != sha256) {
        bail!(
            "{} has SHA-256 {sha256}, but {who} says {expected}: it was changed or damaged. Delete it with `smolder \
             models rm`, and get it again",
            wanted.path.display()
        );
    }
    if receipt.is_none() {
        Receipt { address: wanted.address.clone(), bytes, etag: None, sha256 }.write(&wanted.path)?;
    }
    Ok(())
}

/// Who says what the hash must be.
fn vouchers<'a>(
    known: Option<&'a str>,
    receipt: Option<&'a Receipt>,
) -> impl Iterator<Item = (&'static str, &'a str)> {
    let receipt = receipt.map(|receipt| ("an earlier download", receipt.sha256.as_str()));
    known.map(|sha256| ("its publisher", sha256)).into_iter().chain(receipt)
}

fn hash(mut source: Source<File>) -> Result<String> {
    let (total, mut show) = (source.len(), percent("verifying"));
    Ok(source.sha256(&mut |done| show(done, total))?.to_string())
}

/// What an answer to a request for the rest of a file means.
#[derive(Debug, PartialEq, Eq)]
enum Offer {
    /// The rest of the same file, which has so many bytes in all.
    Rest(u64),
    /// There is no rest: the part is whole.
    Nothing,
    /// A whole file that is to be taken from its beginning.
    Whole,
    /// Something that does not fit what is here: ask again, for the whole file.
    Misfit,
}

/// Brings the part to its full length.
fn transfer(hub: &Hub, wanted: &Wanted, part: &mut Part) -> Result<Linked> {
    let Some(etag) = part.etag.clone().filter(|_| part.len > 0) else {
        return begin(hub.get(&wanted.address, &[])?, wanted, part);
    };
    let range = format!("bytes={}-", part.len);
    let answer = hub.get(&wanted.address, &[("Range", &range), ("If-Range", &etag)])?;
    match offer(&answer.response, part.len, &etag) {
        Offer::Nothing => Ok(answer.linked),
        Offer::Rest(total) => {
            check_size(wanted, &answer.linked, Some(total))?;
            tell!("Going on after {}.", size(part.len));
            copy(answer.response.into_body().into_reader(), part, Some(total)).map(|()| answer.linked)
        }
        Offer::Whole => begin(answer, wanted, part),
        Offer::Misfit => begin(hub.get(&wanted.address, &[])?, wanted, part),
    }
}

/// Reads what the server says to a request for the bytes from `have` on of the version `etag`.
fn offer(response: &Response<Body>, have: u64, etag: &str) -> Offer {
    let range = header(response, "content-range").unwrap_or_default();
    match response.status().as_u16() {
        200 => Offer::Whole,
        416 if range == format!("bytes */{have}") => Offer::Nothing,
        206 if header(response, "etag").is_none_or(|found| found == etag) => {
            rest_of(range, have).map_or(Offer::Misfit, Offer::Rest)
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

/// Takes a file from its beginning.
fn begin(answer: Answer, wanted: &Wanted, part: &mut Part) -> Result<Linked> {
    let Answer { response, linked } = answer;
    let status = response.status();
    ensure!(
        status == 200,
        "{} was answered with {status} where 200 was due: try again later",
        wanted.address
    );
    let total = response.body().content_length();
    check_size(wanted, &linked, total)?;
    let etag = header(&response, "etag").map(str::to_owned);
    let html = header(&response, "content-type").is_some_and(|kind| kind.starts_with("text/html"));
    let mut body = response.into_body().into_reader();
    let mut start = Vec::new();
    body.by_ref().take(8).read_to_end(&mut start).map_err(|error| broken(part, total, Some(&error)))?;
    if !start.starts_with(b"GGUF") {
        let found = if html { "an HTML page".to_owned() } else { sniff::describe(&start) };
        bail!(
            "{} is {found}, not a GGUF model: is there a login page or proxy between you and the hub? Open the \
             address in a browser to see",
            wanted.address
        );
    }
    if part.len > 0 {
        tell!("The {} that are here cannot be continued: starting over.", size(part.len));
    }
    part.restart(etag.as_deref())?;
    copy(start.chain(body), part, total).map(|()| linked)
}

/// Compares what the server sends with what the catalog and the hub say.
fn check_size(wanted: &Wanted, linked: &Linked, found: Option<u64>) -> Result<()> {
    for expected in [wanted.known.bytes, linked.bytes].into_iter().flatten() {
        ensure!(
            found.is_none_or(|found| found == expected),
            "{} has {} bytes, but must have {expected}: it is another file. Set HF_ENDPOINT to another mirror, or to \
             none",
            wanted.address,
            found.unwrap_or_default()
        );
    }
    Ok(())
}

/// Writes a body behind what is there.
fn copy(mut body: impl Read, part: &mut Part, total: Option<u64>) -> Result<()> {
    let mut progress = Transfer::new(part.len, total);
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken(part, total, Some(&error))),
        };
        part.write(buffer.get(..read).unwrap_or_default(), total)?;
        progress.show(part.len);
    }
    ensure!(total.is_none_or(|total| part.len >= total), broken(part, total, None));
    progress.finish(part.len);
    Ok(())
}

fn broken(part: &Part, total: Option<u64>, error: Option<&io::Error>) -> Error {
    let of = total.map(|total| format!(" of {}", size(total))).unwrap_or_default();
    let why = error.map(|error| format!(" ({error})")).unwrap_or_default();
    Error::msg(format!(
        "the connection broke off{why} after {}{of}: what arrived is kept, run the same command again to go on",
        size(part.len)
    ))
}
