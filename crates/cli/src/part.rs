//! What has arrived of a file: `FILE.part`, and in `FILE.part.etag` the version that it is of.

use crate::store;
use anyhow::{Context, Error, Result, bail};
use smolder_formats::Source;
use smolder_formats::inspect::size;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A file on its way, locked against a second download.
pub struct Part {
    target: PathBuf,
    path: PathBuf,
    file: File,
    /// Bytes that are here.
    pub len: u64,
    /// The version of the file that they are of; `None` where they cannot be continued.
    pub etag: Option<String>,
}

impl Part {
    /// Opens what is here of `target`, which may be nothing.
    pub fn open(target: &Path) -> Result<Self> {
        let path = store::part(target);
        let unwritable = || unwritable(&path);
        fs::create_dir_all(target.parent().unwrap_or(target)).with_context(unwritable)?;
        let file =
            OpenOptions::new().read(true).append(true).create(true).open(&path).with_context(unwritable)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                bail!("{} is being downloaded by another process: wait for it", target.display())
            }
            // A file system without locks is no reason not to download.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let len = file.metadata().with_context(unwritable)?.len();
        let etag = fs::read_to_string(store::etag(target)).ok();
        Ok(Self { target: target.to_owned(), path, file, len, etag })
    }

    /// Forgets what is here; the next bytes are of the version `etag`.
    pub fn restart(&mut self, etag: Option<&str>) -> Result<()> {
        if self.len > 0 {
            self.file.set_len(0).with_context(|| unwritable(&self.path))?;
        }
        // A weak tag stands for like content, not for the same bytes: nothing can be continued by it.
        let etag = etag.filter(|etag| !etag.starts_with("W/"));
        let remembered = store::etag(&self.target);
        match etag {
            Some(etag) => fs::write(&remembered, etag).with_context(|| unwritable(&remembered))?,
            None => drop(fs::remove_file(&remembered)),
        }
        (self.len, self.etag) = (0, etag.map(str::to_owned));
        Ok(())
    }

    /// Puts bytes behind what is here; `total` is how many the whole file has.
    pub fn write(&mut self, bytes: &[u8], total: Option<u64>) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                let missing = total.map(|total| format!(", {} are missing", size(total - self.len)));
                Error::msg(format!(
                    "the disk is full{}: make room and run the same command again; what arrived is kept in {}",
                    missing.unwrap_or_default(),
                    self.path.display()
                ))
            }
            _ => Error::new(error).context(unwritable(&self.path)),
        })?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// All that is here, to be read, once it is safely on the disk.
    pub fn source(&self) -> Result<Source<File>> {
        self.file.sync_all().with_context(|| unwritable(&self.path))?;
        Ok(Source::new(self.path.display().to_string(), self.file.try_clone()?)?)
    }

    /// Moves it to where it belongs.
    pub fn keep(self) -> Result<()> {
        let moved = fs::rename(&self.path, &self.target);
        moved.with_context(|| format!("{} cannot be moved into place", self.path.display()))?;
        let _ = fs::remove_file(store::etag(&self.target));
        Ok(())
    }

    /// Deletes it.
    pub fn delete(self) -> Result<()> {
        let _ = fs::remove_file(store::etag(&self.target));
        fs::remove_file(&self.path).with_context(|| format!("{} cannot be deleted", self.path.display()))
    }
}

fn unwritable(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}
