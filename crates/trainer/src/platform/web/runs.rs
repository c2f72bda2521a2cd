//! The runs in the tab's storage.

use super::folder::{Folder, Refusal, RefusalKind};
use super::import::check_name;
use super::js::{self, Blob};
use smolder_protocol::record::{RECORD, StoredRun, Summary, summary};
use smolder_protocol::storage::{RUN_WEIGHTS, RUNS, StorageFailure};

/// Bytes of a record's beginning and end that are read for its summary: settings and the last lines are in them.
const ENDS_BYTES: u64 = 32 << 10;

/// All of them, the last changed first.
pub(crate) async fn list() -> Result<Vec<StoredRun>, StorageFailure> {
    let folder = Folder::root().await?.folder(RUNS).await?;
    let mut runs = Vec::new();
    for name in folder.folders().await? {
        let run = run(folder.folder(&name).await?, name).await?;
        // A run that was refused leaves an empty folder.
        if run.summary.is_some() || run.has_adapter || run.has_checkpoint {
            runs.push(run);
        }
    }
    runs.sort_by(|a, b| (b.changed_ms, &a.name).cmp(&(a.changed_ms, &b.name)));
    Ok(runs)
}

async fn run(folder: Folder, name: String) -> Result<StoredRun, StorageFailure> {
    let names = folder.files().await?;
    let (mut bytes, mut changed_ms, mut found) = (0, 0, None);
    for file in &names {
        // A run that is under way removes files meanwhile.
        let blob = match folder.blob(file).await {
            Err(Refusal { kind: RefusalKind::Missing, .. }) => continue,
            other => other?,
        };
        bytes += blob.bytes() as u64;
        changed_ms = changed_ms.max(blob.changed_ms() as u64);
        if file == RECORD {
            found = summarised(&blob).await;
        }
    }
    let has_adapter = names.iter().any(|file| file == RUN_WEIGHTS);
    let has_checkpoint = names.iter().any(|file| file.starts_with("checkpoint-"));
    Ok(StoredRun { name, summary: found, has_adapter, has_checkpoint, bytes, changed_ms })
}

async fn summarised(record: &Blob) -> Option<Summary> {
    let bytes = record.bytes() as u64;
    let beginning = js::read(record, 0, ENDS_BYTES).await.ok()?;
    let end = js::read(record, bytes.saturating_sub(ENDS_BYTES), ENDS_BYTES).await.ok()?;
    summary(&String::from_utf8_lossy(&beginning), &String::from_utf8_lossy(&end))
}

/// Deletes a run with all its files.
pub(crate) async fn remove(name: &str) -> Result<(), StorageFailure> {
    check_name(name)?;
    let folder = Folder::root().await?.folder(RUNS).await?;
    match folder.remove_folder(name).await {
        Err(Refusal { kind: RefusalKind::Missing, .. }) | Ok(()) => Ok(()),
        Err(refusal) => Err(refusal.into()),
    }
}
