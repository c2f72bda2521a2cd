//! Answers what a page asks of its tab's storage.

use super::export::export;
use super::folder::{Access, Folder, Refusal, RefusalKind};
use super::import::{Progress, import};
use super::js::{AbortController, AbortSignal, Blob};
use super::part::{NOTE, parts_folder, shelf_folder};
use super::runs;
use smolder_formats::Source;
use smolder_formats::adapter::BaseIdentity;
use smolder_formats::safetensors::Safetensors;
use smolder_protocol::StorageCommand;
use smolder_protocol::record::StoredRun;
use smolder_protocol::storage::{Export, Import, Shelf, StorageEvent, StorageFailure, StoredFile};
use std::cell::RefCell;
use std::collections::HashMap;
use wasm_bindgen::{JsCast, JsValue};

/// Bytes between two reports of an import.
const REPORT_BYTES: u64 = 1 << 20;

/// The tab's storage. Commands are answered beside each other.
#[derive(Debug, Default)]
pub struct Storage {
    /// Imports and exports that are going on, by id.
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
            StorageCommand::Export(wanted) => (Some(wanted.id), self.export(&wanted, emit).await),
            StorageCommand::List => (None, list().await.map(StorageEvent::Listed)),
            StorageCommand::Remove { shelf, name } => {
                let removed = remove(shelf, &name).await;
                (None, removed.map(|()| StorageEvent::Removed { shelf, name }))
            }
            StorageCommand::Runs => (None, runs::list().await.map(StorageEvent::Runs)),
            StorageCommand::RemoveRun(name) => (None, without_run(&name).await.map(StorageEvent::Runs)),
        };
        emit(answer.unwrap_or_else(|failure| StorageEvent::Refused { id, failure }));
    }

    async fn import(
        &self,
        wanted: &Import,
        attached: Option<JsValue>,
        emit: &mut impl FnMut(StorageEvent),
    ) -> Result<StorageEvent, StorageFailure> {
        let blob = attached.map(JsCast::unchecked_into::<Blob>);
        let arrived = self.tell(wanted.id, emit, async |stop, progress| {
            import(wanted, blob.as_ref(), stop, progress).await
        });
        let (bytes, remarks) = arrived.await?;
        let (place, name) = (wanted.shelf, wanted.name.clone());
        let folder = Folder::root().await?.folder(shelf_folder(place)).await?;
        let base = base_of(place, &folder, &name).await;
        let file = StoredFile { shelf: place, name, bytes, whole: true, base };
        Ok(StorageEvent::Imported { id: wanted.id, file, remarks })
    }

    async fn export(
        &self,
        wanted: &Export,
        emit: &mut impl FnMut(StorageEvent),
    ) -> Result<StorageEvent, StorageFailure> {
        let files = self.tell(wanted.id, emit, async |stop, progress| export(wanted, stop, progress).await);
        files.await.map(|files| StorageEvent::Exported { id: wanted.id, files })
    }

    /// Does some work that can be stopped, telling how far it is.
    async fn tell<T>(
        &self,
        id: u64,
        emit: &mut impl FnMut(StorageEvent),
        work: impl AsyncFnOnce(&AbortSignal, Progress<'_>) -> Result<T, StorageFailure>,
    ) -> Result<T, StorageFailure> {
        let controller = AbortController::new();
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
        let done = work(&stop, &mut progress).await;
        self.running.borrow_mut().remove(&id);
        done
    }
}

async fn without_run(name: &str) -> Result<Vec<StoredRun>, StorageFailure> {
    runs::remove(name).await?;
    runs::list().await
}

async fn list() -> Result<Vec<StoredFile>, StorageFailure> {
    let (root, mut files) = (Folder::root().await?, Vec::new());
    for shelf in Shelf::ALL {
        for (path, whole) in [(shelf_folder(shelf).to_owned(), true), (parts_folder(shelf), false)] {
            let folder = root.folder(&path).await?;
            for name in folder.files().await?.into_iter().filter(|name| whole || !name.ends_with(NOTE)) {
                let bytes = folder.size(&name).await?;
                let base = if whole { base_of(shelf, &folder, &name).await } else { None };
                files.push(StoredFile { shelf, name, bytes, whole, base });
            }
        }
    }
    files.sort_by(|a, b| (a.shelf, &a.name, b.whole).cmp(&(b.shelf, &b.name, a.whole)));
    Ok(files)
}

/// The model that an adapter is for.
async fn base_of(shelf: Shelf, folder: &Folder, name: &str) -> Option<String> {
    if shelf != Shelf::Adapters {
        return None;
    }
    let source = Source::new(name, folder.open(name, Access::Read).await.ok()?).ok()?;
    let file = Safetensors::open(source).ok()?;
    BaseIdentity::from_metadata(|key| file.metadata(key).map(str::to_owned)).map(|base| base.name)
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
