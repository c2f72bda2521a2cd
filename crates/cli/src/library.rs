//! From a model as a person names it to its file, downloading what is not here.

use crate::bundled;
use crate::download::{self, Wanted};
use crate::hub::{Hub, Linked};
use crate::listing::{self, Listed};
use crate::output::tell;
use crate::spec::{Remote, Spec, check};
use crate::store::{self, Receipt, Store};
use anyhow::{Context, Result, bail};
use smolder_formats::gguf::split_names;
use smolder_formats::inspect::size;
use smolder_protocol::catalog::{Base, address};
use std::fs;
use std::path::{Path, PathBuf};

/// The path of a model: a file or folder on this machine, a name in the catalog, or
/// `organisation/repository[/file.gguf][@revision]` at the hub. What is not here yet is downloaded.
///
/// # Errors
/// A sentence where there is no such model, or no way to get it.
pub fn resolve(model: &Path) -> Result<PathBuf> {
    match Spec::parse(model)? {
        Spec::Path(path) => Ok(path),
        Spec::Bundled(found) => bundled::path(found),
        spec => {
            let library = Library::open()?;
            library.get(&library.files(&spec)?)
        }
    }
}

/// The models that are here and those that can be had.
pub struct Library {
    /// What is here.
    pub store: Store,
    hub: Hub,
}

impl Library {
    /// The cache and the hub that the environment names.
    pub fn open() -> Result<Self> {
        Ok(Self { store: Store::find()?, hub: Hub::from_env()? })
    }

    /// The files of a model, the one to open first. The hub is asked only which file is meant where none is named.
    pub fn files(&self, spec: &Spec) -> Result<Vec<Wanted>> {
        match spec {
            Spec::Path(path) => bail!("{} is on this machine, and no model of the cache", path.display()),
            Spec::Bundled(found) => {
                bail!("{} comes with Smolder: there is nothing to download or delete", found.id)
            }
            Spec::Base(base) => Ok(vec![self.base(base)]),
            Spec::Remote(remote) => self.remote(remote),
        }
    }

    /// The catalog's file.
    pub fn base(&self, base: &Base) -> Wanted {
        Wanted {
            address: base.address(self.hub.endpoint()),
            path: self.store.base(base),
            known: Linked { bytes: base.bytes, sha256: base.sha256.map(str::to_owned) },
        }
    }

    fn remote(&self, remote: &Remote) -> Result<Vec<Wanted>> {
        let Remote { repository, file, revision } = remote;
        let folder = self.store.repository(repository, revision);
        let (file, listing) = match file {
            Some(file) => (file.clone(), Vec::new()),
            None => self.choose(remote, &folder)?,
        };
        file.split('/').try_for_each(|part| check(&format!("{repository}/{file}"), part))?;
        let (below, name) = file.rsplit_once('/').map_or(("", file.as_str()), |(below, name)| (below, name));
        let parts = split_names(name).into_iter().map(|name| {
            let file = if below.is_empty() { name } else { format!("{below}/{name}") };
            let listed = listing.iter().find(|listed| listed.path == file);
            Wanted {
                address: address(self.hub.endpoint(), repository, revision, &file),
                path: folder.join(&file),
                known: listed.map(|listed| listed.linked.clone()).unwrap_or_default(),
            }
        });
        Ok(parts.collect())
    }

    /// The file that is meant by a repository's name alone: one that is here, else one that the hub lists.
    fn choose(&self, remote: &Remote, folder: &Path) -> Result<(String, Vec<Listed>)> {
        let Remote { repository, revision, .. } = remote;
        let here = store::models(folder).into_iter().filter_map(|path| {
            let parts: Option<Vec<&str>> =
                path.strip_prefix(folder).ok()?.iter().map(|part| part.to_str()).collect();
            Some(Listed { path: parts?.join("/"), linked: Linked::default() })
        });
        let here: Vec<Listed> = here.collect();
        if !here.is_empty() {
            return Ok((listing::choose(repository, &here)?.path.clone(), Vec::new()));
        }
        let listing = listing::files(&self.hub, repository, revision)?;
        let file = listing::choose(repository, &listing)?.path.clone();
        tell!("Of {repository}, {file} is taken.");
        Ok((file, listing))
    }

    /// Downloads what is not here, and returns the path of the file to open.
    pub fn get(&self, files: &[Wanted]) -> Result<PathBuf> {
        for wanted in files.iter().filter(|wanted| !is_here(wanted)) {
            let bytes = wanted.known.bytes.map(|bytes| format!(" ({})", size(bytes))).unwrap_or_default();
            tell!("Downloading {}{bytes}", wanted.address);
            download::fetch(&self.hub, wanted)?;
        }
        Ok(files.first().context("a model has no file")?.path.clone())
    }
}

/// Whether a file is here and has the size that it must have; its hash is for `smolder models get` to verify.
pub fn is_here(wanted: &Wanted) -> bool {
    let receipt = || Receipt::read(&wanted.path).ok().flatten().map(|receipt| receipt.bytes);
    let bytes = wanted.known.bytes.or_else(receipt);
    fs::metadata(&wanted.path)
        .is_ok_and(|found| found.is_file() && bytes.is_none_or(|bytes| bytes == found.len()))
}
