//! Folders of a browser tab's private file system.

use super::file::OpfsFile;
use super::js::{self, AccessHandle, DirectoryHandle, FileHandle, Step, object, wait};
use js_sys::Promise;
use smolder_protocol::storage::ROOT;
use wasm_bindgen::{JsCast, JsValue};

/// A folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    handle: DirectoryHandle,
    path: String,
}

/// What the file system did not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub(crate) struct Refusal {
    pub path: String,
    pub kind: RefusalKind,
    /// The browser's words.
    pub reason: String,
}

/// The classes of [`Refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    /// The browser has no such file system, or hides it.
    None,
    /// There is no room.
    Full,
    /// Somebody has the file open.
    InUse,
    /// There is no such file.
    Missing,
    /// Anything else.
    Other,
}

/// Who else may have a file open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Others that read, where the browser knows how to.
    Read,
    /// Nobody. The file is made where it is not there.
    Write,
}

impl Refusal {
    pub fn new(path: &str, error: &JsValue) -> Self {
        let (name, message) = js::words(error);
        let kind = match name.as_str() {
            "QuotaExceededError" => RefusalKind::Full,
            "NoModificationAllowedError" => RefusalKind::InUse,
            "NotFoundError" => RefusalKind::Missing,
            "SecurityError" => RefusalKind::None,
            _ => RefusalKind::Other,
        };
        Self {
            path: path.to_owned(),
            kind,
            reason: format!("{name}: {message}").trim_matches([':', ' ']).to_owned(),
        }
    }
}

impl Folder {
    /// The outermost folder.
    pub async fn root() -> Result<Self, Refusal> {
        let root = async { wait::<DirectoryHandle>(storage_directory()).await };
        let handle =
            root.await.map_err(|error| Refusal { kind: RefusalKind::None, ..Refusal::new(ROOT, &error) })?;
        Self { handle, path: String::new() }.folder(ROOT).await
    }

    /// A folder in it, or, behind slashes, in one of those; each is made where it is not there.
    pub async fn folder(&self, path: &str) -> Result<Self, Refusal> {
        let mut here = self.clone();
        for name in path.split('/') {
            let path = format!("{}/{name}", here.path);
            let create = object(&[("create", true.into())]);
            let handle = wait(here.handle.directory(name, &create)).await;
            here = Self { handle: handle.map_err(|error| Refusal::new(&path, &error))?, path };
        }
        Ok(here)
    }

    /// Where a file lies, for errors.
    pub fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.path).trim_start_matches('/').to_owned()
    }

    async fn file(&self, name: &str, create: bool) -> Result<FileHandle, Refusal> {
        let handle = wait(self.handle.file(name, &object(&[("create", create.into())]))).await;
        handle.map_err(|error| Refusal::new(&self.path(name), &error))
    }

    /// Opens a file.
    pub async fn open(&self, name: &str, access: Access) -> Result<OpfsFile, Refusal> {
        let file = self.file(name, access == Access::Write).await?;
        let mode = if access == Access::Write { "readwrite" } else { "read-only" };
        let handle = wait::<AccessHandle>(file.access(&object(&[("mode", mode.into())]))).await;
        let handle = handle.map_err(|error| Refusal::new(&self.path(name), &error))?;
        Ok(OpfsFile::new(handle, self.path(name)))
    }

    /// A file as it is now, whoever has it open.
    pub async fn blob(&self, name: &str) -> Result<js::Blob, Refusal> {
        let blob = wait::<js::Blob>(self.file(name, false).await?.blob()).await;
        blob.map_err(|error| Refusal::new(&self.path(name), &error))
    }

    /// Bytes of a file, whoever has it open.
    pub async fn size(&self, name: &str) -> Result<u64, Refusal> {
        Ok(self.blob(name).await?.bytes() as u64)
    }

    /// The names of its files.
    pub async fn files(&self) -> Result<Vec<String>, Refusal> {
        self.entries("file").await
    }

    /// The names of its folders.
    pub async fn folders(&self) -> Result<Vec<String>, Refusal> {
        self.entries("directory").await
    }

    async fn entries(&self, kind: &str) -> Result<Vec<String>, Refusal> {
        let refused = |error: JsValue| Refusal::new(&self.path, &error);
        let (steps, mut names) = (self.handle.values().map_err(refused)?, Vec::new());
        loop {
            let step: Step = wait(steps.next()).await.map_err(refused)?;
            if step.done() {
                return Ok(names);
            }
            let entry: FileHandle = step.value().unchecked_into();
            if entry.kind() == kind {
                names.push(entry.name());
            }
        }
    }

    /// Deletes a file.
    pub async fn remove(&self, name: &str) -> Result<(), Refusal> {
        let removed = wait::<JsValue>(self.handle.remove(name)).await;
        removed.map(drop).map_err(|error| Refusal::new(&self.path(name), &error))
    }

    /// Deletes a folder with all that is in it.
    pub async fn remove_folder(&self, name: &str) -> Result<(), Refusal> {
        let all = object(&[("recursive", true.into())]);
        let removed = wait::<JsValue>(self.handle.remove_with(name, &all)).await;
        removed.map(drop).map_err(|error| Refusal::new(&self.path(name), &error))
    }

    /// Moves a file into a folder, in the place of what is called so there.
    pub async fn rename(&self, from: &str, folder: &Self, to: &str) -> Result<(), Refusal> {
        let file = self.file(from, false).await?;
        let moved = wait::<JsValue>(file.rename(&folder.handle, to)).await;
        moved.map(drop).map_err(|error| Refusal::new(&folder.path(to), &error))
    }
}

fn storage_directory() -> Result<Promise, JsValue> {
    let storage = super::field(&super::scope().navigator(), "storage");
    super::call(&storage, "getDirectory", &JsValue::UNDEFINED)?.dyn_into()
}
