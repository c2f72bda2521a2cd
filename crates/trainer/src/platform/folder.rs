//! Checkpoints in a folder.

use crate::checkpoint::{Store, StoreError};
use std::fs::{self, File, TryLockError};
use std::io::{Error, ErrorKind, Result as IoResult, Write};
use std::path::{Path, PathBuf};

/// Files of one folder, which is locked for other processes as long as this lives.
///
/// A file is written under another name, flushed to the disk and renamed, and the folder is flushed too: a power failure
/// leaves the whole file or none.
#[derive(Debug)]
pub struct FolderStore {
    folder: PathBuf,
    /// Whether it was made here.
    made: bool,
    _lock: File,
}

const LOCK: &str = ".lock";
/// What is being written starts and ends like this.
const PART: (&str, &str) = (".", ".part");

impl FolderStore {
    /// Makes the folder where it is not there, and clears away what a killed process left half written.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where another process has it open, [`StoreError::Refused`] where it cannot be written to.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let refused = |error| refused(folder, "write to", &error);
        let made = !folder.exists();
        fs::create_dir_all(folder).map_err(refused)?;
        folder.parent().map_or(Ok(()), flush_folder).map_err(refused)?;
        let lock = lock(folder).map_err(refused)?;
        let lock = lock.ok_or_else(|| StoreError::InUse { folder: folder.display().to_string() })?;
        let store = Self { folder: folder.to_owned(), made, _lock: lock };
        for name in store.names().map_err(refused)? {
            if name.starts_with(PART.0) && name.ends_with(PART.1) {
                let _ = fs::remove_file(folder.join(name));
            }
        }
        Ok(store)
    }

    fn part(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}{name}{}", PART.0, PART.1))
    }

    /// All names, those of parts included.
    fn names(&self) -> IoResult<Vec<String>> {
        let entries = fs::read_dir(&self.folder)?;
        entries
            .map(|entry| Ok(entry?.file_name()))
            .filter_map(|name| name.map(|n| n.into_string().ok()).transpose())
            .collect()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> IoResult<()> {
        let part = self.part(name);
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(part, self.folder.join(name))?;
        flush_folder(&self.folder)
    }
}

/// Nothing is left of a run that wrote nothing.
impl Drop for FolderStore {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.folder.join(LOCK));
        if self.made {
            // Only an empty folder goes.
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

/// The folder's lock; `None` where another process has it.
fn lock(folder: &Path) -> IoResult<Option<File>> {
    let path = folder.join(LOCK);
    loop {
        let lock = File::create(&path)?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(None),
            // A file system without locks is no reason not to train.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        // Whoever had it before may have removed this very file.
        if is_at(&lock, &path)? {
            return Ok(Some(lock));
        }
    }
}

/// Whether an open file is still the one of that name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> IoResult<bool> {
    use std::os::unix::fs::MetadataExt;
    let open = file.metadata()?;
    Ok(fs::metadata(path).is_ok_and(|named| (named.dev(), named.ino()) == (open.dev(), open.ino())))
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> IoResult<bool> {
    path.try_exists()
}

impl Store for FolderStore {
    async fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.folder.join(name);
        let replaces = path.exists();
        self.write(name, bytes).map_err(|error| {
            let _ = fs::remove_file(self.part(name));
            if !replaces {
                let _ = fs::remove_file(&path);
            }
            match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                    StoreError::Full { file: path.display().to_string(), bytes: bytes.len() as u64 }
                }
                _ => refused(&path, "write", &error),
            }
        })
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let path = self.folder.join(name);
        fs::read(&path).map_err(|error| refused(&path, "read", &error))
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        let mut names = self.names().map_err(|error| refused(&self.folder, "list", &error))?;
        names.retain(|name| !name.starts_with(PART.0));
        Ok(names)
    }

    async fn remove(&mut self, name: &str) -> Result<(), StoreError> {
        let path = self.folder.join(name);
        fs::remove_file(&path).map_err(|error| refused(&path, "remove", &error))
    }
}

/// What a rename did to a folder is safe only after this; Windows has no such thing.
fn flush_folder(folder: &Path) -> IoResult<()> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if cfg!(unix) { File::open(here)?.sync_all() } else { Ok(()) }
}

fn refused(path: &Path, action: &'static str, error: &Error) -> StoreError {
    StoreError::Refused { file: path.display().to_string(), action, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollster::block_on;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A folder of its own for each test, removed in the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            Self(std::env::temp_dir().join(format!("smolder-folder-{}-{count}", std::process::id())))
        }

        fn open(&self) -> FolderStore {
            FolderStore::open(&self.0.join("deep/checkpoints")).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn list(store: &FolderStore) -> Vec<String> {
        let mut names = block_on(store.list()).unwrap();
        names.sort();
        names
    }

    #[test]
    fn files_are_written_listed_read_and_removed() {
        let folder = Folder::new();
        let mut store = folder.open();
        block_on(store.put("a", b"first")).unwrap();
        block_on(store.put("b", b"")).unwrap();
        assert_eq!(list(&store), ["a", "b"]);
        assert_eq!(block_on(store.get("a")).unwrap(), b"first");
        block_on(store.remove("a")).unwrap();
        assert_eq!(list(&store), ["b"]);
        let missing = block_on(store.get("a")).unwrap_err();
        assert!(matches!(&missing, StoreError::Refused { action: "read", .. }), "{missing}");
    }

    #[test]
    fn what_a_killed_process_left_is_no_file_and_goes_away() {
        let folder = Folder::new();
        let mut store = folder.open();
        block_on(store.put("a", b"whole")).unwrap();
        let part = store.part("b");
        fs::write(&part, b"ha").unwrap();
        assert_eq!(list(&store), ["a"]);
        drop(store);
        assert_eq!(list(&folder.open()), ["a"]);
        assert!(!part.exists());
    }

    #[test]
    fn two_runs_do_not_share_a_folder() {
        let folder = Folder::new();
        let first = folder.open();
        let second = FolderStore::open(&first.folder).unwrap_err();
        assert!(matches!(second, StoreError::InUse { .. }), "{second}");
        drop(first);
        folder.open();
    }

    /// A device that is always full, in the place where the file would be written.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_named_and_loses_nothing() {
        let folder = Folder::new();
        let mut store = folder.open();
        block_on(store.put("a", b"old")).unwrap();
        std::os::unix::fs::symlink("/dev/full", store.part("b")).unwrap();
        let error = block_on(store.put("b", b"new")).unwrap_err();
        let file = store.folder.join("b").display().to_string();
        assert_eq!(error, StoreError::Full { file, bytes: 3 });
        assert_eq!(
            (list(&store), block_on(store.get("a")).unwrap()),
            (vec!["a".to_owned()], b"old".to_vec())
        );
        block_on(store.put("b", b"new")).unwrap();
        assert_eq!(block_on(store.get("b")).unwrap(), b"new", "with room again it is written");
        std::os::unix::fs::symlink("/dev/full", store.part("b")).unwrap();
        assert!(block_on(store.put("b", b"newer")).is_err());
        assert_eq!(block_on(store.get("b")).unwrap(), b"new", "what was to be replaced is still there");
        block_on(store.put("b", b"newer")).unwrap();
        assert_eq!(block_on(store.get("b")).unwrap(), b"newer");
    }

    #[test]
    fn a_store_that_wrote_nothing_leaves_nothing() {
        let folder = Folder::new();
        drop(folder.open());
        assert_eq!(fs::read_dir(folder.0.join("deep")).unwrap().count(), 0);
        let mut store = folder.open();
        block_on(store.put("a", b"kept")).unwrap();
        let path = store.folder.clone();
        drop(store);
        let names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["a"], "the lock goes with the run");
    }

    #[test]
    fn a_folder_that_cannot_be_is_named() {
        let folder = Folder::new();
        fs::create_dir_all(&folder.0).unwrap();
        let file = folder.0.join("file");
        fs::write(&file, b"").unwrap();
        let error = FolderStore::open(&file.join("checkpoints")).unwrap_err();
        assert!(error.to_string().contains("file/checkpoints: expected to write to it"), "{error}");
    }
}
