//! A row while it is read.

use crate::error::{Error, Kind, Result};
use crate::limits;

/// A row's bytes; of one that is too long no more than may be, so that it can be passed over.
#[derive(Debug)]
pub(super) struct Grown {
    /// The line that it starts at.
    pub(super) line: u64,
    bytes: Vec<u8>,
    len: u64,
    last: Option<u8>,
}

impl Grown {
    pub(super) fn new(line: u64) -> Self {
        Self { line, bytes: Vec::new(), len: 0, last: None }
    }

    pub(super) fn push(&mut self, byte: u8) {
        if (self.bytes.len() as u64) < limits::ROW_BYTES {
            self.bytes.push(byte);
        }
        self.len += 1;
        self.last = Some(byte);
    }

    pub(super) fn extend(&mut self, part: &[u8]) {
        let room = (limits::ROW_BYTES as usize).saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(part.get(..room).unwrap_or(part));
        self.len += part.len() as u64;
        self.last = part.last().copied().or(self.last);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn is_blank(&self) -> bool {
        self.len == self.bytes.len() as u64 && self.bytes.iter().all(u8::is_ascii_whitespace)
    }

    /// The byte that was read last.
    pub(super) fn last(&self) -> Option<u8> {
        self.last
    }

    /// Takes away a carriage return at the end.
    pub(super) fn pop_return(&mut self) {
        if self.last == Some(b'\r') {
            self.len -= 1;
            self.bytes.truncate(self.len as usize);
        }
    }

    /// # Errors
    /// [`Kind::Limit`] for one that is too long.
    pub(super) fn finish(self) -> Result<Vec<u8>> {
        if self.len > limits::ROW_BYTES {
            let expected = format!("at most {} bytes", limits::ROW_BYTES);
            return Err(Error::new(Kind::Limit, "row", expected, self.len));
        }
        Ok(self.bytes)
    }
}
