//! The files in the tab's storage as the page knows them. Pure: events in, a new state out.

use crate::bundled;
use smolder_protocol::catalog::{Base, HUB};
use smolder_protocol::record::StoredRun;
use smolder_protocol::storage::{Import, Origin, Shelf, StorageEvent, StorageFailure, StoredFile};

/// A file on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) id: u64,
    pub(crate) shelf: Shelf,
    pub(crate) name: String,
    pub(crate) done_bytes: u64,
    pub(crate) total_bytes: Option<u64>,
}

/// A model at the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Download {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) bytes: Option<u64>,
    pub(crate) sha256: Option<String>,
}

impl Download {
    /// One of the catalog.
    pub(crate) fn of(base: &Base) -> Self {
        Self {
            name: base.file.to_owned(),
            address: base.address(HUB),
            bytes: base.bytes,
            sha256: base.sha256.map(str::to_owned),
        }
    }

    /// What a person pasted: the address of a GGUF file at the hub, or of the page that shows it. `None` for all else,
    /// which the page's policy would refuse.
    pub(crate) fn pasted(text: &str) -> Option<Self> {
        let text = text.trim().split(['?', '#']).next()?;
        let path = text.strip_prefix(HUB)?.strip_prefix('/')?;
        let [organisation, repository, way, revision, .., file] = *path.split('/').collect::<Vec<_>>() else {
            return None;
        };
        let known = ["resolve", "blob"].contains(&way) && file.to_lowercase().ends_with(".gguf");
        let named = [organisation, repository, revision].iter().all(|part| !part.is_empty());
        let address = text.replacen("/blob/", "/resolve/", 1);
        (known && named).then(|| Self { name: safe_name(file), address, bytes: None, sha256: None })
    }
}

/// Files that are here, and files on their way.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Library {
    /// Whether the storage was looked through.
    pub(crate) known: bool,
    pub(crate) files: Vec<StoredFile>,
    pub(crate) transfers: Vec<Transfer>,
    /// The last changed first; `None` where nobody has looked.
    pub(crate) runs: Option<Vec<StoredRun>>,
    /// What went wrong last, until something goes right.
    pub(crate) failure: Option<StorageFailure>,
    last_id: u64,
}

impl Library {
    /// Files on a shelf.
    pub(crate) fn shelf(&self, place: Shelf) -> impl Iterator<Item = &StoredFile> {
        self.files.iter().filter(move |file| file.shelf == place)
    }

    /// Whether all of a file is here.
    pub(crate) fn has(&self, place: Shelf, name: &str) -> bool {
        self.shelf(place).any(|file| file.name == name && file.whole)
    }

    /// Whether a file is on its way.
    pub(crate) fn awaits(&self, place: Shelf, name: &str) -> bool {
        self.transfers.iter().any(|transfer| transfer.shelf == place && transfer.name == name)
    }

    /// Bytes of everything that is here.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The command that brings a bundled file here; `None` where it is here, on its way, or does not come with the page.
    pub(crate) fn fetch(&mut self, place: Shelf, name: &str) -> Option<Import> {
        if !self.known || self.has(place, name) || self.awaits(place, name) {
            return None;
        }
        let address = bundled::address(place, name)?;
        Some(self.import(place, name, Origin::Url(address), None))
    }

    /// The command that downloads a model; `None` where it is here or on its way. What has arrived of it before is kept.
    pub(crate) fn download(&mut self, model: Download) -> Option<Import> {
        let Download { name, address, bytes, sha256 } = model;
        if self.has(Shelf::Models, &name) || self.awaits(Shelf::Models, &name) {
            return None;
        }
        let import = self.import(Shelf::Models, &name, Origin::Url(address), bytes);
        Some(Import { sha256, ..import })
    }

    /// The command that takes in a file of the person's.
    pub(crate) fn take(&mut self, place: Shelf, name: &str, bytes: u64) -> Import {
        self.import(place, name, Origin::Attached, Some(bytes))
    }

    /// The command that takes in an adapter, whose weights travel beside it.
    pub(crate) fn take_adapter(&mut self, name: &str, model: &str, config: Option<String>) -> Import {
        let origin = Origin::Adapter { model: model.to_owned(), config };
        self.import(Shelf::Adapters, name, origin, None)
    }

    fn import(&mut self, place: Shelf, name: &str, origin: Origin, bytes: Option<u64>) -> Import {
        self.last_id += 1;
        self.failure = None;
        let (id, name) = (self.last_id, name.to_owned());
        self.transfers.push(Transfer {
            id,
            shelf: place,
            name: name.clone(),
            done_bytes: 0,
            total_bytes: bytes,
        });
        Import { id, shelf: place, name, origin, sha256: None, bytes }
    }

    /// Takes in what the storage says.
    pub(crate) fn hear(&mut self, event: StorageEvent) {
        match event {
            StorageEvent::Importing { id, done_bytes, total_bytes } => {
                if let Some(transfer) = self.transfers.iter_mut().find(|transfer| transfer.id == id) {
                    transfer.done_bytes = done_bytes;
                    transfer.total_bytes = total_bytes.or(transfer.total_bytes);
                }
            }
            StorageEvent::Imported { id, file } => {
                self.end(Some(id));
                self.forget(file.shelf, &file.name);
                self.files.push(file);
                self.files.sort_by(|a, b| (a.shelf, &a.name).cmp(&(b.shelf, &b.name)));
            }
            StorageEvent::Listed(files) => (self.known, self.files) = (true, files),
            // Another state's.
            StorageEvent::Exported { .. } => {}
            StorageEvent::Runs(runs) => self.runs = Some(runs),
            StorageEvent::Removed { shelf, name } => self.forget(shelf, &name),
            StorageEvent::Refused { id, failure } => {
                self.end(id);
                self.known = true;
                self.failure = (failure != StorageFailure::Cancelled).then_some(failure);
            }
        }
    }

    fn end(&mut self, id: Option<u64>) {
        self.transfers.retain(|transfer| Some(transfer.id) != id);
    }

    fn forget(&mut self, place: Shelf, name: &str) {
        self.files.retain(|file| file.shelf != place || file.name != name);
    }
}

/// A file's name as the storage takes it: its last part, without signs that paths or shells would read.
pub(crate) fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let sign = |c: char| if c.is_alphanumeric() || "._-+() ".contains(c) { c } else { '_' };
    let kept: String = last.chars().map(sign).take(120).collect();
    let kept = kept.trim().trim_start_matches('.').to_owned();
    if kept.is_empty() { "file".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smolder_protocol::catalog::BASES;

    fn stored(name: &str, whole: bool) -> StoredFile {
        StoredFile { shelf: Shelf::Models, name: name.to_owned(), bytes: 10, whole, base: None }
    }

    fn listed(files: &[StoredFile]) -> Library {
        let mut library = Library::default();
        library.hear(StorageEvent::Listed(files.to_vec()));
        library
    }

    #[test]
    fn a_bundled_file_is_fetched_once_and_only_where_it_is_missing() {
        assert_eq!(Library::default().fetch(Shelf::Models, bundled::MODEL), None, "nobody has looked yet");
        let mut library = listed(&[]);
        let import = library.fetch(Shelf::Models, bundled::MODEL).unwrap();
        assert_eq!(import.origin, Origin::Url("assets/tales.gguf".to_owned()));
        assert_eq!(library.fetch(Shelf::Models, bundled::MODEL), None, "it is on its way");
        library.hear(StorageEvent::Imported { id: import.id, file: stored(bundled::MODEL, true) });
        assert_eq!(library.fetch(Shelf::Models, bundled::MODEL), None, "it is here");
        assert_eq!(library.fetch(Shelf::Models, "mine.gguf"), None, "it does not come with the page");
        assert!(listed(&[stored(bundled::MODEL, false)]).fetch(Shelf::Models, bundled::MODEL).is_some());
    }

    #[test]
    fn a_model_of_the_catalog_is_downloaded_once_and_checked() {
        let mut library = listed(&[]);
        let base = &BASES[0];
        let import = library.download(Download::of(base)).unwrap();
        assert_eq!(import.origin, Origin::Url(base.address(HUB)));
        assert_eq!((import.sha256.as_deref(), import.bytes), (base.sha256, base.bytes));
        assert_eq!(library.download(Download::of(base)), None, "it is on its way");
        library.hear(StorageEvent::Refused { id: Some(import.id), failure: StorageFailure::Cancelled });
        assert!(library.download(Download::of(base)).is_some(), "and goes on where it was broken off");
    }

    #[test]
    fn only_gguf_files_at_the_hub_are_taken_from_an_address() {
        let found =
            Download::pasted(" https://huggingface.co/a/b/blob/main/dir/c.Q4_0.gguf?download=true ").unwrap();
        assert_eq!(found.address, "https://huggingface.co/a/b/resolve/main/dir/c.Q4_0.gguf");
        assert_eq!((found.name.as_str(), found.sha256), ("c.Q4_0.gguf", None));
        for other in [
            "https://huggingface.co/a/b",
            "https://huggingface.co/a/b/blob/main/c.bin",
            "https://huggingface.co.evil.org/a/b/blob/main/c.gguf",
            "http://huggingface.co/a/b/blob/main/c.gguf",
            "https://huggingface.co//b/blob/main/c.gguf",
            "",
        ] {
            assert_eq!(Download::pasted(other), None, "{other}");
        }
    }

    #[test]
    fn a_transfer_is_followed_to_its_end() {
        let mut library = listed(&[stored("b.gguf", true)]);
        let import = library.take(Shelf::Models, "a.gguf", 20);
        library.hear(StorageEvent::Importing { id: import.id, done_bytes: 5, total_bytes: None });
        let [transfer] = &library.transfers[..] else { panic!("{:?}", library.transfers) };
        assert_eq!((transfer.done_bytes, transfer.total_bytes), (5, Some(20)));
        library.hear(StorageEvent::Imported { id: import.id, file: stored("a.gguf", true) });
        assert!(library.transfers.is_empty());
        assert_eq!(library.files, [stored("a.gguf", true), stored("b.gguf", true)]);
        assert_eq!(library.used_bytes(), 20);
        library.hear(StorageEvent::Removed { shelf: Shelf::Models, name: "b.gguf".to_owned() });
        assert_eq!(library.files, [stored("a.gguf", true)]);
    }

    #[test]
    fn a_refusal_is_kept_until_the_next_try_and_a_wish_is_none() {
        let mut library = listed(&[]);
        let import = library.take(Shelf::Data, "d.csv", 1);
        let full = StorageFailure::Full { missing_bytes: None };
        library.hear(StorageEvent::Refused { id: Some(import.id), failure: full.clone() });
        assert_eq!((library.failure.clone(), library.transfers.len()), (Some(full), 0));
        let import = library.take(Shelf::Data, "d.csv", 1);
        assert_eq!(library.failure, None);
        library.hear(StorageEvent::Refused { id: Some(import.id), failure: StorageFailure::Cancelled });
        assert_eq!(library.failure, None);
    }

    #[test]
    fn names_cannot_leave_their_shelf() {
        for (name, safe) in [
            ("model.Q4_0.gguf", "model.Q4_0.gguf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\models\\a.gguf", "a.gguf"),
            (".hidden", "hidden"),
            ("a<b>.csv", "a_b_.csv"),
            ("模型.gguf", "模型.gguf"),
            ("/", "file"),
            ("", "file"),
        ] {
            assert_eq!(safe_name(name), safe);
        }
    }
}
