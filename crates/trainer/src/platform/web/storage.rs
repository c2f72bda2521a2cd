//! Answers what a page asks of its tab's storage.

use super::folder::{Folder, Refusal, RefusalKind};
use super::import::import;
use super::js::{AbortController, Blob};
use super::part::{NOTE, parts_folder, shelf_folder};
use smolder_protocol::StorageCommand;
use smolder_protocol::storage::{Import, Shelf, StorageEvent, StorageFailure, StoredFile};
use std::cell::RefCell;
use std::collections::HashMap;
use wasm_bindgen::{JsCast, JsValue};

/// Bytes between two reports of an import.
const REPORT_BYTES: u64 = 1 << 20;

/// The tab's storage. Commands are answered beside each other.
#[derive(Debug, Default)]
pub struct Storage {
    /// Imports that are going on, by id.
    running: RefCell<HashMap<u64, AbortController>>,
}

impl Storage {
    /// Does what is asked; `attached` is the file that travelled beside the command.
    pub async fn answer(
        &self,
        command: StorageCommand,
        attached: Option<JsValue>,
        emit: &mut impl FnMut(StorageEvent),
    ) {
        let (id, answer) = match command {
            StorageCommand::Import(wanted) => (Some(wanted.id), self.import(&wanted, attached, emit).await),
            StorageCommand::Cancel(id) => {
                if let Some(controller) = self.running.borrow().get(&id) {
                    controller.abort();
                }
                return;
            }
            StorageCommand::List => (None, list().await.map(StorageEvent::Listed)),
            StorageCommand::Remove { shelf, name } => {
                let removed = remove(shelf, &name).await;
                (None, removed.map(|()| StorageEvent::Removed { shelf, name }))
            }
        };
        emit(answer.unwrap_or_else(|failure| StorageEvent::Refused { id, failure }));
    }

    async fn import(
        &self,
        wanted: &Import,
        attached: Option<JsValue>,
        emit: &mut impl FnMut(StorageEvent),
    ) -> Result<StorageEvent, StorageFailure> {
        let (id, controller) = (wanted.id, AbortController::new());
        let stop = controller.signal();
        self.running.borrow_mut().insert(id, controller);
        let mut told = None;
        let mut progress = |done_bytes, total_bytes| {
            let due = told.is_none_or(|told| done_bytes >= told + REPORT_BYTES);
            if due || Some(done_bytes) == total_bytes {
                told = Some(done_bytes);
                emit(StorageEvent::Importing { id, done_bytes, total_bytes });
            }
        };
        let blob = attached.map(JsCast::unchecked_into::<Blob>);
        let imported = import(wanted, blob.as_ref(), &stop, &mut progress).await;
        self.running.borrow_mut().remove(&id);
        imported.map(|bytes| {
            let file = StoredFile { shelf: wanted.shelf, name: wanted.name.clone(), bytes, whole: true };
            StorageEvent::Imported { id, file }
        })
    }
}

async fn list() -> Result<Vec<StoredFile>, StorageFailure> {
    let (root, mut files) = (Folder::root().await?, Vec::new());
    for shelf in Shelf::ALL {
        for (path, whole) in [(shelf_folder(shelf).to_owned(), true), (parts_folder(shelf), false)] {
            let folder = root.folder(&path).await?;
            for name in folder.files().await?.into_iter().filter(|name| whole || !name.ends_with(NOTE)) {
                let bytes = folder.size(&name).await?;
                files.push(StoredFile { shelf, name, bytes, whole });
            }
        }
    }
    files.sort_by(|a, b| (a.shelf, &a.name, b.whole).cmp(&(b.shelf, &b.name, a.whole)));
    Ok(files)
}

/// What has arrived of it goes too.
async fn remove(shelf: Shelf, name: &str) -> Result<(), StorageFailure> {
    let root = Folder::root().await?;
    let parts = root.folder(&parts_folder(shelf)).await?;
    for (folder, name) in [
        (root.folder(shelf_folder(shelf)).await?, name.to_owned()),
        (parts.clone(), name.to_owned()),
        (parts, format!("{name}{NOTE}")),
    ] {
        match folder.remove(&name).await {
            Err(Refusal { kind: RefusalKind::Missing, .. }) | Ok(()) => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Ok(())
}
