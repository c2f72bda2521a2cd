//! Where bytes come from: anything that reads and seeks.

use std::io::{Read, Seek, SeekFrom};

use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};

/// How many bytes are read at once where a whole payload is walked through.
pub const CHUNK_BYTES: usize = 1 << 20;

/// A named `Read + Seek` of known length: a file, memory, a browser's file handle, ranges over a network.
#[derive(Debug)]
pub struct Source<R> {
    name: String,
    len: u64,
    reader: R,
}

impl<R: Read + Seek> Source<R> {
    /// Wraps a reader; `name` is what errors call it.
    pub fn new(name: impl Into<String>, mut reader: R) -> Result<Self> {
        let name = name.into();
        let len = reader.seek(SeekFrom::End(0)).map_err(|e| Error::io("length", &e).in_file(&name))?;
        reader.seek(SeekFrom::Start(0)).map_err(|e| Error::io("start", &e).in_file(&name))?;
        Ok(Self { name, len, reader })
    }

    /// What errors call this source.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes in all.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The reader, placed at `offset`.
    pub fn at(&mut self, offset: u64) -> Result<&mut R> {
        self.reader.seek(SeekFrom::Start(offset)).map_err(|e| Error::io("seek", &e).in_file(&self.name))?;
        Ok(&mut self.reader)
    }

    /// The reader alone, wherever it stands.
    pub fn into_inner(self) -> R {
        self.reader
    }

    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// [`Kind::Truncated`] where the source ends first, [`Kind::Io`] where it cannot be read.
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.len);
        if end.is_none() {
            let found = format!("{} bytes from {offset} of {}", buffer.len(), self.len);
            return Err(
                Error::new(Kind::Truncated, "payload", "bytes inside the file", found).in_file(&self.name)
            );
        }
        self.at(offset)?;
        self.reader.read_exact(buffer).map_err(|e| Error::io("payload", &e).in_file(&self.name))
    }

    /// The whole source, if it has at most `limit` bytes.
    pub fn read_all(&mut self, limit: u64) -> Result<Vec<u8>> {
        if self.len > limit {
            let expected = format!("at most {limit} bytes");
            return Err(Error::new(Kind::Limit, "size", expected, self.len).in_file(&self.name));
        }
        let mut bytes = vec![0; self.len as usize];
        self.read_at(0, &mut bytes)?;
        Ok(bytes)
    }

    /// SHA-256 of all bytes; `progress` is told how many are done.
    pub fn sha256(&mut self, progress: &mut dyn FnMut(u64)) -> Result<Sha256Hash> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut done = 0;
        while done < self.len {
            let take = (self.len - done).min(CHUNK_BYTES as u64);
            let chunk = buffer.get_mut(..take as usize).unwrap_or_default();
            self.read_at(done, chunk)?;
            hasher.update(&*chunk);
            done += take;
            progress(done);
        }
        Ok(Sha256Hash(hasher.finalize().into()))
    }
}

/// A SHA-256 digest, printed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256Hash(pub [u8; 32]);

impl Sha256Hash {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl std::fmt::Display for Sha256Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Sha256Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
