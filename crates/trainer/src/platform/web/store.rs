//! Checkpoints in a browser tab's private file system.

use super::file::OpfsFile;
use super::folder::{Access, Folder, Refusal, RefusalKind};
use crate::checkpoint::{Store, StoreError};
use std::io::{Error, ErrorKind, Read, Write};

/// Files of one folder, which is locked for other tabs as long as this lives.
///
/// A file is written under another name, flushed and renamed: a tab that is killed leaves the whole file or none.
#[derive(Debug)]
pub struct OpfsStore {
    folder: Folder,
    path: String,
    _lock: OpfsFile,
}

const LOCK: &str = ".lock";
/// What is being written starts and ends like this.
const PART: (&str, &str) = (".", ".part");

impl OpfsStore {
    /// Makes the folder where it is not there, and clears away what a killed tab left half written.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where another tab has it open, [`StoreError::Refused`] where it cannot be written to.
    pub async fn open(path: &str) -> Result<Self, StoreError> {
        let refused = |refusal: Refusal| match refusal.kind {
            RefusalKind::InUse => StoreError::InUse { folder: path.to_owned() },
            _ => refused(path, "write to", &refusal),
        };
        let folder = Folder::root().await.map_err(refused)?.folder(path).await.map_err(refused)?;
        let lock = folder.open(LOCK, Access::Write).await.map_err(refused)?;
        for name in folder.files().await.map_err(refused)? {
            if name.starts_with(PART.0) && name.ends_with(PART.1) {
                let _ = folder.remove(&name).await;
            }
        }
        Ok(Self { folder, path: path.to_owned(), _lock: lock })
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let part = part(name);
        let file = self.folder.open(&part, Access::Write).await;
        let mut file = file.map_err(|refusal| self.unwritten(name, bytes, &refusal))?;
        let written = file.cut(0).and_then(|()| file.write_all(bytes)).and_then(|()| file.flush());
        drop(file);
        written.map_err(|error| self.failed(name, bytes, &error))?;
        let moved = self.folder.rename(&part, &self.folder, name).await;
        moved.map_err(|refusal| self.unwritten(name, bytes, &refusal))
    }

    fn unwritten(&self, name: &str, bytes: &[u8], refusal: &Refusal) -> StoreError {
        match refusal.kind {
            RefusalKind::Full => self.full(name, bytes),
            _ => refused(&self.name(name), "write", refusal),
        }
    }

    fn failed(&self, name: &str, bytes: &[u8], error: &Error) -> StoreError {
        match error.kind() {
            ErrorKind::StorageFull => self.full(name, bytes),
            _ => refused(&self.name(name), "write", error),
        }
    }

    fn full(&self, name: &str, bytes: &[u8]) -> StoreError {
        StoreError::Full { file: self.name(name), bytes: bytes.len() as u64 }
    }

    fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }
}

impl Store for OpfsStore {
    async fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let written = self.write(name, bytes).await;
        if written.is_err() {
            let _ = self.folder.remove(&part(name)).await;
        }
        written
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let file = self.folder.open(name, Access::Read).await;
        let mut file = file.map_err(|refusal| refused(&self.name(name), "read", &refusal))?;
        let mut bytes = Vec::with_capacity(file.size().unwrap_or_default() as usize);
        file.read_to_end(&mut bytes).map_err(|error| refused(&self.name(name), "read", &error))?;
        Ok(bytes)
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        let names = self.folder.files().await.map_err(|refusal| refused(&self.path, "list", &refusal))?;
        Ok(names.into_iter().filter(|name| !name.starts_with(PART.0)).collect())
    }

    async fn remove(&mut self, name: &str) -> Result<(), StoreError> {
        self.folder.remove(name).await.map_err(|refusal| refused(&self.name(name), "remove", &refusal))
    }
}

fn part(name: &str) -> String {
    format!("{}{name}{}", PART.0, PART.1)
}

fn refused(file: &str, action: &'static str, reason: &impl ToString) -> StoreError {
    StoreError::Refused { file: file.to_owned(), action, reason: reason.to_string() }
}
