//! What has arrived of a file, under another name until it is whole.

use super::file::OpfsFile;
use super::folder::{Access, Folder, Refusal, RefusalKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use smolder_formats::source::{CHUNK_BYTES, Sha256Hash};
use smolder_kernels::turn;
use smolder_protocol::storage::{Shelf, StorageFailure};
use std::io::{Error, ErrorKind, Read, Seek, SeekFrom, Write};

/// The shelf's folder, and within it that of its parts.
const PARTS: &str = ".parts";

/// The folder of a shelf.
pub(crate) fn shelf_folder(shelf: Shelf) -> &'static str {
    match shelf {
        Shelf::Models => "models",
        Shelf::Data => "data",
        Shelf::Adapters => "adapters",
    }
}

/// The folder of a shelf's parts.
pub(crate) fn parts_folder(shelf: Shelf) -> String {
    format!("{}/{PARTS}", shelf_folder(shelf))
}

/// What a note beside a part ends with; no file that a person brings should.
pub(crate) const NOTE: &str = ".part.json";

/// Where a part came from, so that the rest can be asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub address: String,
    /// The version at the server; without one nothing can be continued.
    pub etag: Option<String>,
}

/// A file on its way, locked against a second import.
#[derive(Debug)]
pub(crate) struct Part {
    folder: Folder,
    target: Folder,
    name: String,
    file: OpfsFile,
    hasher: Sha256,
    /// Bytes that are here.
    pub len: u64,
    /// Where they came from.
    pub note: Note,
}

impl Part {
    /// Opens what is here of a file, which may be nothing.
    pub async fn open(shelf: Shelf, name: &str) -> Result<Self, StorageFailure> {
        let root = Folder::root().await?;
        let (folder, target) =
            (root.folder(&parts_folder(shelf)).await?, root.folder(shelf_folder(shelf)).await?);
        let file = folder.open(name, Access::Write).await?;
        let len = file.size().map_err(|error| failed(&error))?;
        let note = read_note(&folder, name).await.unwrap_or_default();
        Ok(Self { folder, target, name: name.to_owned(), file, hasher: Sha256::new(), len, note })
    }

    /// Forgets what is here; the next bytes come from what `note` says.
    pub async fn restart(&mut self, note: Note) -> Result<(), StorageFailure> {
        self.file.cut(0).map_err(|error| failed(&error))?;
        (self.len, self.hasher) = (0, Sha256::new());
        // A weak tag stands for like content, not for the same bytes.
        let etag = note.etag.filter(|etag| !etag.starts_with("W/"));
        self.note = Note { etag, ..note };
        let json = serde_json::to_vec(&self.note).unwrap_or_default();
        let mut file = self.folder.open(&self.note_name(), Access::Write).await?;
        file.cut(0).and_then(|()| file.write_all(&json)).map_err(|error| failed(&error))
    }

    /// Reads again what is here, to go on behind it.
    pub async fn resume(&mut self) -> Result<(), StorageFailure> {
        self.hasher = Sha256::new();
        self.file.seek(SeekFrom::Start(0)).map_err(|error| failed(&error))?;
        let (mut left, mut buffer) = (self.len, Vec::new());
        while left > 0 {
            buffer.resize(left.min(CHUNK_BYTES as u64) as usize, 0);
            self.file.read_exact(&mut buffer).map_err(|error| failed(&error))?;
            self.hasher.update(&buffer);
            left -= buffer.len() as u64;
            turn().await;
        }
        Ok(())
    }

    /// Puts bytes behind what is here; `total` is how many the whole file has.
    pub fn write(&mut self, bytes: &[u8], total: Option<u64>) -> Result<(), StorageFailure> {
        self.file.write_all(bytes).map_err(|error| match error.kind() {
            ErrorKind::StorageFull => {
                StorageFailure::Full { missing_bytes: total.map(|total| total.saturating_sub(self.len)) }
            }
            _ => failed(&error),
        })?;
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// The first bytes, or zeros where there are fewer.
    pub fn start<const N: usize>(&mut self) -> Result<[u8; N], StorageFailure> {
        let mut start = [0; N];
        self.file.seek(SeekFrom::Start(0)).map_err(|error| failed(&error))?;
        let _ = self.file.read(&mut start).map_err(|error| failed(&error))?;
        self.file.seek(SeekFrom::Start(self.len)).map_err(|error| failed(&error))?;
        Ok(start)
    }

    /// SHA-256 of what is here.
    pub fn sha256(&self) -> Sha256Hash {
        Sha256Hash(self.hasher.clone().finalize().into())
    }

    /// Moves it to where it belongs, once it is safely on the disk.
    pub async fn keep(mut self) -> Result<(), StorageFailure> {
        self.file.flush().map_err(|error| failed(&error))?;
        let note = self.note_name();
        let Self { folder, target, name, file, .. } = self;
        drop(file);
        folder.rename(&name, &target, &name).await?;
        let _ = folder.remove(&note).await;
        Ok(())
    }

    /// Deletes it.
    pub async fn delete(self) {
        let note = self.note_name();
        let Self { folder, name, file, .. } = self;
        drop(file);
        let _ = folder.remove(&name).await;
        let _ = folder.remove(&note).await;
    }

    fn note_name(&self) -> String {
        format!("{}{NOTE}", self.name)
    }
}

async fn read_note(folder: &Folder, name: &str) -> Option<Note> {
    let mut file = folder.open(&format!("{name}{NOTE}"), Access::Read).await.ok()?;
    let mut json = Vec::new();
    file.read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

impl From<Refusal> for StorageFailure {
    fn from(refusal: Refusal) -> Self {
        match refusal.kind {
            RefusalKind::None => Self::None { reason: refusal.reason },
            RefusalKind::Full => Self::Full { missing_bytes: None },
            RefusalKind::InUse => {
                let name = refusal.path.rsplit('/').next().unwrap_or_default().to_owned();
                Self::InUse { name }
            }
            RefusalKind::Missing | RefusalKind::Other => Self::Refused { reason: refusal.to_string() },
        }
    }
}

/// What reading or writing ended with.
fn failed(error: &Error) -> StorageFailure {
    match error.kind() {
        ErrorKind::StorageFull => StorageFailure::Full { missing_bytes: None },
        _ => StorageFailure::Refused { reason: error.to_string() },
    }
}
