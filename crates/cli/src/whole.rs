//! A file that has its name once it is whole.

use anyhow::{Context, Result, ensure};
use smolder_formats::gguf::split_name;
use std::fs::{self, File};
use std::io::{BufWriter, IntoInnerError};
use std::path::{Path, PathBuf};

/// What is written of a file so far, beside it; deleted where it never becomes whole.
pub struct Whole {
    target: PathBuf,
    part: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Whole {
    /// Makes an empty file, so that what cannot be written is known before there is something to write.
    pub fn create(target: &Path) -> Result<Self> {
        let mut part = target.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = Some(BufWriter::new(File::create(&part).with_context(|| unwritable(target))?));
        Ok(Self { target: target.to_owned(), part, file })
    }

    /// Lets `contents` write the contents and gives it its name; the bytes that it has.
    pub fn write(mut self, contents: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<u64> {
        let Some(mut out) = self.file.take() else { return Ok(0) };
        let unwritable = || unwritable(&self.target);
        contents(&mut out)?;
        let file = out.into_inner().map_err(IntoInnerError::into_error).with_context(unwritable)?;
        file.sync_all().with_context(unwritable)?;
        let bytes = file.metadata().with_context(unwritable)?.len();
        fs::rename(&self.part, &self.target).with_context(unwritable)?;
        Ok(bytes)
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        drop(self.file.take());
        // Nothing is there once it has its name.
        let _ = fs::remove_file(&self.part);
    }
}

/// Refuses a `target` that is one of the files that are `read`, a part of one, or in a folder that is.
pub fn spare(target: &Path, read: &[&Path]) -> Result<()> {
    // Where nothing is yet, nothing can be lost.
    let Ok(place) = fs::canonicalize(target) else { return Ok(()) };
    let sources = read.iter().filter_map(|one| fs::canonicalize(one).ok());
    let lost = sources.into_iter().any(|source| is_of(&place, &source));
    ensure!(!lost, "{} is read: choose another name to write to", target.display());
    Ok(())
}

fn is_of(place: &Path, source: &Path) -> bool {
    if source.is_dir() {
        let ending = place.extension().is_some_and(|ending| ending == "safetensors" || ending == "json");
        return place == source || (ending && place.parent() == Some(source));
    }
    let part = |path: &Path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        split_name(&name).map(|(stem, _, count)| (path.with_file_name(stem), count))
    };
    place == source || (part(place).is_some() && part(place) == part(source))
}

fn unwritable(target: &Path) -> String {
    format!("{} cannot be written", target.display())
}
