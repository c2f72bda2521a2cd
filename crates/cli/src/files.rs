//! Where a session's files lie: on this machine, by path; models also by name.

use crate::{adapter, open};
use smolder_formats::Source;
use smolder_formats::adapter::PeftAdapter;
use smolder_models::Opened;
use smolder_trainer::checkpoint::StoreError;
use smolder_trainer::{FileError, Files, FolderStore};
use std::fs::File;
use std::path::Path;

/// This machine's files.
pub struct Paths;

impl Files for Paths {
    type Reader = File;
    type Store = FolderStore;

    async fn model(&mut self, name: &str) -> Result<Opened<File>, FileError> {
        open::weights(Path::new(name)).map_err(sentence)
    }

    async fn data(&mut self, name: &str) -> Result<Source<File>, FileError> {
        open::data(Path::new(name)).map_err(sentence)
    }

    async fn adapter(&mut self, name: &str, base: &mut Opened<File>) -> Result<PeftAdapter, FileError> {
        adapter::find(Path::new(name), base).map_err(sentence)
    }

    async fn store(&mut self, folder: &str) -> Result<FolderStore, StoreError> {
        FolderStore::open(Path::new(folder))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn sentence(error: anyhow::Error) -> FileError {
    FileError(format!("{error:#}"))
}
