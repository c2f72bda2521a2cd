//! The user's cache: where downloaded models lie, and what is known of each.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use smolder_formats::Sha256Hash;
use smolder_protocol::catalog::Base;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of all downloaded models: `models` in `$SMOLDER_CACHE`, else in `smolder` in the user's cache folder.
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Finds the folder from the environment; it need not exist.
    pub fn find() -> Result<Self> {
        let variable = |key: &str| env::var_os(key).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = cache_folder(variable)
            .context("no cache folder is known: set SMOLDER_CACHE to a folder with space for models")?;
        Ok(Self { root: cache.join("models") })
    }

    /// Where the catalog's file lies, or will lie: where `cargo xtask fetch` puts it too.
    pub fn base(&self, base: &Base) -> PathBuf {
        self.root.join(base.file)
    }

    /// The folder of a file that comes with the program and has these contents.
    pub fn bundled(&self, contents: &Sha256Hash) -> PathBuf {
        let digest = contents.to_string();
        self.root.with_file_name("bundled").join(digest.get(..16).unwrap_or(&digest))
    }

    /// The folder of one revision of a hub's repository.
    pub fn repository(&self, repository: &str, revision: &str) -> PathBuf {
        self.root.join(repository).join(revision)
    }

    /// The files that are not in the catalog, each with what to type for it.
    pub fn others(&self) -> Vec<(String, PathBuf)> {
        let folders = entries(&self.root).into_iter().filter(|path| path.is_dir());
        let named = |file: PathBuf| Some((self.spec(&file)?, file));
        folders.flat_map(|folder| models(&folder)).filter_map(named).collect()
    }

    /// `organisation/repository/file@revision` of a file that lies in such folders.
    fn spec(&self, file: &Path) -> Option<String> {
        let parts = file.strip_prefix(&self.root).ok()?.iter().map(|part| part.to_str());
        let parts: Vec<&str> = parts.collect::<Option<_>>()?;
        let [organisation, name, revision, folders @ .., file] = parts.as_slice() else { return None };
        let file = [folders, &[*file]].concat().join("/");
        Some(format!("{organisation}/{name}/{file}@{revision}"))
    }

    /// Deletes a model with all that belongs to it, and folders that it leaves empty. Returns the bytes freed.
    pub fn remove(&self, file: &Path) -> Result<u64> {
        let mut freed = 0;
        for path in [file.to_owned(), part(file), etag(file), receipt(file)] {
            let Ok(found) = fs::metadata(&path) else { continue };
            freed += found.len();
            fs::remove_file(&path).with_context(|| format!("{} cannot be deleted", path.display()))?;
        }
        let folders = file.ancestors().skip(1).take_while(|folder| *folder != self.root);
        // The first folder that holds something else ends it.
        let _ = folders.take(8).try_for_each(fs::remove_dir);
        Ok(freed)
    }
}

/// The cache folder as each platform places it, and as `cargo xtask` does.
fn cache_folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let users = || match env::consts::OS {
        "windows" => variable("LOCALAPPDATA"),
        "macos" => Some(variable("HOME")?.join("Library/Caches")),
        _ => variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache"))),
    };
    variable("SMOLDER_CACHE").or_else(|| Some(users()?.join("smolder")))
}

/// The GGUF files that are whole, at or below a folder.
pub fn models(folder: &Path) -> Vec<PathBuf> {
    let below = |path: PathBuf| {
        let model = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("gguf"));
        if path.is_dir() { models(&path) } else { model.then_some(path).into_iter().collect() }
    };
    entries(folder).into_iter().flat_map(below).collect()
}

/// What is in a folder, in a fixed order; nothing where there is no folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    entries.sort();
    entries
}

/// A path with more at its end.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// What has arrived of a file.
pub fn part(file: &Path) -> PathBuf {
    with_ending(file, ".part")
}

/// The version of the file that [`part`] is of.
pub fn etag(file: &Path) -> PathBuf {
    with_ending(file, ".part.etag")
}

/// What is known of a file that is whole.
fn receipt(file: &Path) -> PathBuf {
    with_ending(file, ".json")
}

/// What a download leaves behind, and what the next one is compared with.
#[derive(Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Where the file came from.
    pub address: String,
    /// Its size.
    pub bytes: u64,
    /// Its version at the server.
    pub etag: Option<String>,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: String,
}

impl Receipt {
    /// Reads the receipt of a file; `None` where there is none.
    pub fn read(file: &Path) -> Result<Option<Self>> {
        let path = receipt(file);
        let Ok(text) = fs::read_to_string(&path) else { return Ok(None) };
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let parsed = || {
            let (address, sha256) = (text("address")?, text("sha256")?);
            Some(Self { address, bytes: value["bytes"].as_u64()?, etag: text("etag"), sha256 })
        };
        let receipt = parsed();
        ensure!(receipt.is_some(), "{} is damaged: delete it, and download again", path.display());
        Ok(receipt)
    }

    /// Leaves the receipt beside the file.
    pub fn write(&self, file: &Path) -> Result<()> {
        let Self { address, bytes, etag, sha256 } = self;
        let value = json!({ "address": address, "bytes": bytes, "etag": etag, "sha256": sha256 });
        let path = receipt(file);
        fs::write(&path, format!("{value:#}\n"))
            .with_context(|| format!("{} cannot be written", path.display()))
    }
}
