//! Little-endian primitives from a buffered reader that knows how much is left.

use std::io::{BufReader, Read, Seek};

use super::strings::grow;
use crate::error::{Error, Kind, Result};
use crate::limits;
use crate::source::Source;

/// A cursor that never reads, and never allocates for, more than the file holds.
pub(super) struct Bytes<'a, R> {
    reader: BufReader<&'a mut R>,
    position: u64,
    len: u64,
    /// What metadata values may still take.
    budget: u64,
}

impl<'a, R: Read + Seek> Bytes<'a, R> {
    pub(super) fn new(source: &'a mut Source<R>) -> Result<Self> {
        let len = source.len();
        let reader = BufReader::with_capacity(1 << 16, source.at(0)?);
        Ok(Self { reader, position: 0, len, budget: limits::METADATA_BYTES })
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn remaining(&self) -> u64 {
        self.len.saturating_sub(self.position)
    }

    /// Refuses `bytes` more where the file cannot hold them.
    pub(super) fn require(&self, field: &str, bytes: u64) -> Result<()> {
        if bytes <= self.remaining() {
            return Ok(());
        }
        let expected = format!("{bytes} bytes at offset {}", self.position);
        Err(Error::new(Kind::Truncated, field, expected, format!("the file's end at {}", self.len)))
    }

    /// Takes `bytes` off what metadata values may hold together.
    pub(super) fn spend(&mut self, field: &str, bytes: u64) -> Result<()> {
        self.budget = self.budget.checked_sub(bytes).ok_or_else(|| {
            let expected = format!("at most {} bytes of metadata", limits::METADATA_BYTES);
            Error::new(Kind::Limit, field, expected, format!("{bytes} more than are left"))
        })?;
        Ok(())
    }

    pub(super) fn fill(&mut self, field: &str, buffer: &mut [u8]) -> Result<()> {
        self.require(field, buffer.len() as u64)?;
        self.reader.read_exact(buffer).map_err(|e| Error::io(field, &e))?;
        self.position += buffer.len() as u64;
        Ok(())
    }

    pub(super) fn array<const N: usize>(&mut self, field: &str) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(field, &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self, field: &str) -> Result<u32> {
        self.array(field).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, field: &str) -> Result<u64> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// A length-prefixed string of at most `limit` bytes, appended to `out`.
    pub(super) fn string_into(&mut self, field: &str, limit: u64, out: &mut String) -> Result<()> {
        let len = self.u64(field)?;
        if len > limit {
            let expected = format!("a string of at most {limit} bytes");
            return Err(Error::new(Kind::Limit, field, expected, format!("{len} bytes")));
        }
        self.require(field, len)?;
        let mut bytes = vec![0; len as usize];
        self.fill(field, &mut bytes)?;
        let text = str::from_utf8(&bytes).map_err(|e| {
            let found = format!("byte {} of {len} is not", e.valid_up_to());
            Error::new(Kind::Encoding, field, "UTF-8 text", found)
        })?;
        grow(out, text.len());
        out.push_str(text);
        Ok(())
    }

    pub(super) fn string(&mut self, field: &str, limit: u64) -> Result<String> {
        let mut out = String::new();
        self.string_into(field, limit, &mut out)?;
        Ok(out)
    }
}
