//! What a dataset starts with.

use std::io::{Read, Seek};

use crate::error::{Error, Kind, Result};
use crate::source::Source;

/// The first byte that is no space.
pub(super) fn first_byte<R: Read + Seek>(source: &mut Source<R>, from: u64) -> Result<Option<u8>> {
    let mut at = from;
    while at < source.len() {
        let mut part = [0; 4096];
        // Most files show it at once, and a short one may be shorter than it says.
        let most = if at == from { 13 } else { 4096 };
        let part = part.get_mut(..(source.len() - at).min(most) as usize).unwrap_or_default();
        source.read_at(at, part)?;
        if let Some(byte) = part.iter().find(|byte| !byte.is_ascii_whitespace()) {
            return Ok(Some(*byte));
        }
        at += part.len() as u64;
    }
    Ok(None)
}

/// Whether a file starts with an object whose first line cannot be all of it, as it is written to be read by people.
pub(super) fn is_spread(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let open = matches!(line.trim_ascii_end().last(), Some(b'{' | b'[' | b','));
    line.starts_with(b"{") && line.len() < start.len() && open
}

pub(super) fn check_text(head: &[u8]) -> Result<()> {
    let starts = |magic: &&[u8]| head.starts_with(magic);
    let magics: [&[u8]; 12] = [
        b"PK\x03\x04",
        b"\x1f\x8b",
        b"BZh",
        b"7z\xbc\xaf",
        b"\xfd7zX",
        b"\x28\xb5\x2f\xfd",
        b"PAR1",
        b"%PDF",
        b"\x89PNG",
        b"\xff\xd8\xff",
        b"GGUF",
        b"version https://git-lfs.",
    ];
    if magics.iter().any(starts) || head.first() == Some(&0x80) {
        let found = crate::sniff::describe(head);
        return Err(Error::new(Kind::Magic, "start", "text: JSON, JSONL, CSV or TSV", found));
    }
    let utf16 = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    let binary = head.iter().filter(|byte| **byte == 0).nth(3).is_some();
    if utf16 || binary {
        return Err(Error::new(Kind::Encoding, "start", "UTF-8 text", "UTF-16 or binary data"));
    }
    Ok(())
}
