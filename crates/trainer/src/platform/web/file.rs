//! An open file of a browser tab's private file system.

use super::folder::{Refusal, RefusalKind};
use super::js::{AccessHandle, object};
use js_sys::Object;
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};
use wasm_bindgen::JsValue;

/// A file that is read and written without waiting; dropped, it is closed.
#[derive(Debug)]
pub struct OpfsFile {
    handle: AccessHandle,
    path: String,
    position: u64,
}

impl OpfsFile {
    pub(crate) fn new(handle: AccessHandle, path: String) -> Self {
        Self { handle, path, position: 0 }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// Where the browser does not say.
    pub fn size(&self) -> Result<u64> {
        Ok(self.handle.size().map_err(|error| self.refused(&error))? as u64)
    }

    /// Forgets all bytes behind the first `bytes`, and goes on behind these.
    ///
    /// # Errors
    /// Where the browser refuses.
    pub fn cut(&mut self, bytes: u64) -> Result<()> {
        self.handle.truncate(bytes as f64).map_err(|error| self.refused(&error))?;
        self.position = bytes;
        Ok(())
    }

    fn at(&self) -> Object {
        object(&[("at", (self.position as f64).into())])
    }

    fn refused(&self, error: &JsValue) -> Error {
        let refusal = Refusal::new(&self.path, error);
        let kind = if refusal.kind == RefusalKind::Full { ErrorKind::StorageFull } else { ErrorKind::Other };
        Error::new(kind, refusal)
    }
}

impl Read for OpfsFile {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read = self.handle.read(buffer, &self.at()).map_err(|error| self.refused(&error))? as usize;
        self.position += read as u64;
        Ok(read)
    }
}

impl Write for OpfsFile {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let written = self.handle.write(bytes, &self.at()).map_err(|error| self.refused(&error))? as usize;
        if written == 0 && !bytes.is_empty() {
            return Err(ErrorKind::StorageFull.into());
        }
        self.position += written as u64;
        Ok(written)
    }

    /// Puts all that was written on the disk.
    fn flush(&mut self) -> Result<()> {
        self.handle.flush().map_err(|error| self.refused(&error))
    }
}

impl Seek for OpfsFile {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(position) => (position, 0),
            SeekFrom::Current(offset) => (self.position, offset),
            SeekFrom::End(offset) => (self.size()?, offset),
        };
        let before = || Error::new(ErrorKind::InvalidInput, "a position before the file's start");
        self.position = base.checked_add_signed(offset).ok_or_else(before)?;
        Ok(self.position)
    }
}

impl Drop for OpfsFile {
    fn drop(&mut self) {
        self.handle.close();
    }
}
