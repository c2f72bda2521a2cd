//! Where a front end's files lie: paths in a terminal, the private file system of a browser tab.

use crate::checkpoint::{Store, StoreError};
use smolder_formats::Source;
use smolder_formats::adapter::PeftAdapter;
use smolder_models::Opened;
use std::io::{Cursor, Read, Seek};

/// Finds what commands name. Only names cross the protocol; bytes come from here.
pub trait Files {
    /// A file that is read in pieces.
    type Reader: Read + Seek;
    /// A folder for checkpoints.
    type Store: Store;

    /// A model's files by any name that the front end gives it, opened and not yet loaded.
    fn model(&mut self, name: &str) -> impl Future<Output = Result<Opened<Self::Reader>, FileError>>;

    /// A file of examples.
    fn data(&mut self, name: &str) -> impl Future<Output = Result<Source<Self::Reader>, FileError>>;

    /// An adapter that was trained on `base`.
    fn adapter(
        &mut self,
        name: &str,
        base: &mut Opened<Self::Reader>,
    ) -> impl Future<Output = Result<PeftAdapter, FileError>>;

    /// A folder to write to, which is made where it is not there, and locked.
    fn store(&mut self, folder: &str) -> impl Future<Output = Result<Self::Store, StoreError>>;
}

/// A sentence that names the file, what was expected and what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FileError(pub String);

/// Nothing is found: for a session that only looks at the machine.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

/// There is none.
#[derive(Clone, Copy, Debug)]
pub enum NoStore {}

impl NoFiles {
    fn refuse(name: &str) -> FileError {
        FileError(format!("{name}: expected a session with files, found one without"))
    }
}

impl Files for NoFiles {
    type Reader = Cursor<Vec<u8>>;
    type Store = NoStore;

    async fn model(&mut self, name: &str) -> Result<Opened<Self::Reader>, FileError> {
        Err(Self::refuse(name))
    }

    async fn data(&mut self, name: &str) -> Result<Source<Self::Reader>, FileError> {
        Err(Self::refuse(name))
    }

    async fn adapter(&mut self, name: &str, _: &mut Opened<Self::Reader>) -> Result<PeftAdapter, FileError> {
        Err(Self::refuse(name))
    }

    async fn store(&mut self, folder: &str) -> Result<NoStore, StoreError> {
        let reason = Self::refuse(folder).0;
        Err(StoreError::Refused { file: folder.to_owned(), action: "open", reason })
    }
}

impl Store for NoStore {
    async fn put(&mut self, _: &str, _: &[u8]) -> Result<(), StoreError> {
        match *self {}
    }

    async fn get(&self, _: &str) -> Result<Vec<u8>, StoreError> {
        match *self {}
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        match *self {}
    }

    async fn remove(&mut self, _: &str) -> Result<(), StoreError> {
        match *self {}
    }
}
