//! A tab's files by name.

use super::file::OpfsFile;
use super::folder::{Access, Folder, Refusal, RefusalKind};
use super::part::shelf_folder;
use super::store::OpfsStore;
use crate::checkpoint::StoreError;
use crate::files::{FileError, Files};
use smolder_formats::Source;
use smolder_formats::adapter::{Check, Heads, PeftAdapter, read_gguf};
use smolder_formats::gguf::split_names;
use smolder_models::Opened;
use smolder_protocol::storage::{RUN_WEIGHTS, RUNS, Shelf};
use std::collections::HashMap;

/// Finds what was imported.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpfsFiles;

impl Files for OpfsFiles {
    type Reader = OpfsFile;
    type Store = OpfsStore;

    async fn model(&mut self, name: &str) -> Result<Opened<OpfsFile>, FileError> {
        let mut parts = HashMap::new();
        for part in split_names(name) {
            let source = open(shelf_folder(Shelf::Models), &part).await?;
            parts.insert(part, source);
        }
        Opened::gguf(name, &mut |part| Ok(parts.remove(part))).map_err(|error| sentence(&error))
    }

    async fn data(&mut self, name: &str) -> Result<Source<OpfsFile>, FileError> {
        open(shelf_folder(Shelf::Data), name).await
    }

    async fn adapter(&mut self, name: &str, base: &mut Opened<OpfsFile>) -> Result<PeftAdapter, FileError> {
        let mut source = match name.split_once('/') {
            Some((RUNS, _)) => open(name, RUN_WEIGHTS).await?,
            _ => open(shelf_folder(Shelf::Adapters), name).await?,
        };
        let mut magic = [0; 4];
        let adapter = if source.read_at(0, &mut magic).is_ok() && &magic == b"GGUF" {
            let sizes = &base.config.sizes;
            let heads = Heads { queries: sizes.heads, keys: sizes.kv_heads };
            read_gguf(source, &sizes.architecture, heads).map(|adapter| adapter.to_peft())
        } else {
            PeftAdapter::read(source, None)
        };
        let adapter = adapter.map_err(|error| sentence(&error))?;
        if let Some(trained_on) = &adapter.base {
            let found = base.identity(&mut |_| ()).map_err(|error| sentence(&error))?;
            trained_on.check(&found, Check::Strict).map_err(|error| sentence(&error.in_file(name)))?;
        }
        Ok(adapter)
    }

    async fn store(&mut self, folder: &str) -> Result<OpfsStore, StoreError> {
        OpfsStore::open(&format!("{RUNS}/{folder}")).await
    }
}

async fn open(folder: &str, name: &str) -> Result<Source<OpfsFile>, FileError> {
    let file = async {
        let folder = Folder::root().await?.folder(folder).await?;
        folder.open(name, Access::Read).await
    };
    let file = file.await.map_err(|refusal: Refusal| {
        let found = match refusal.kind {
            RefusalKind::Missing => "none".to_owned(),
            RefusalKind::InUse => "one that another tab uses".to_owned(),
            _ => refusal.reason,
        };
        FileError(format!("{name}: expected this file in the tab's storage, found {found}"))
    })?;
    Source::new(name, file).map_err(|error| sentence(&error))
}

fn sentence(error: &smolder_formats::Error) -> FileError {
    FileError(error.to_string())
}
