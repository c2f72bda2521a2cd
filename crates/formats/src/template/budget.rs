//! What one rendering may cost beyond fuel: bytes built along the way, and bytes written.

use std::cell::Cell;
use std::io;

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use crate::limits::TEMPLATE_OUTPUT_BYTES;

/// How the message of an exceeded budget starts.
pub(super) const EXCEEDED: &str = "memory budget exceeded";
/// Bytes that strings and lists built along the way may take together, whether or not they are still alive.
const BYTES: u64 = 32 << 20;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(BYTES) };
}

/// Starts a rendering.
pub(super) fn reset() {
    LEFT.set(BYTES);
}

/// Takes `bytes` off the budget.
pub(super) fn charge(bytes: u64) -> Result<(), Error> {
    let left = LEFT.get().checked_sub(bytes);
    left.map(|left| LEFT.set(left)).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, EXCEEDED))
}

/// Roughly the bytes that a copy of the value takes.
pub(super) fn size(value: &Value) -> u64 {
    /// A value in a list.
    const ITEM: u64 = 32;
    match value.kind() {
        ValueKind::String => value.as_str().map_or(0, |s| s.len() as u64),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => {
            value.len().map_or(ITEM, |n| n as u64 * ITEM)
        }
        _ => 0,
    }
}

/// The bytes that a value takes when written out, as far as the budget goes: shared parts count each time.
pub(super) fn written(value: &Value, depth: usize) -> Result<u64, Error> {
    charge(1)?;
    if depth > crate::limits::JSON_DEPTH {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("{EXCEEDED}: too many nested values")));
    }
    match value.kind() {
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => {
            let mut total = 2;
            for item in value.try_iter()? {
                total += 4 + written(&item, depth + 1)?;
                if value.kind() == ValueKind::Map {
                    total += written(&value.get_item(&item)?, depth + 1)?;
                }
            }
            Ok(total)
        }
        _ => {
            let bytes = size(value) + 8;
            charge(bytes)?;
            Ok(bytes)
        }
    }
}

/// Collects output up to the cap.
#[derive(Default)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    pub(super) overflow: bool,
}

impl io::Write for Output {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + buffer.len() > TEMPLATE_OUTPUT_BYTES {
            self.overflow = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
