//! The files in the tab's storage as the page knows them. Pure: events in, a new state out.

mod download;

pub(crate) use download::Download;

use crate::bundled;
use smolder_protocol::record::StoredRun;
use smolder_protocol::storage::{
    AdapterRemark, Import, Origin, Shelf, StorageEvent, StorageFailure, StoredFile,
};

/// A file on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) import: Import,
    pub(crate) done_bytes: u64,
    pub(crate) total_bytes: Option<u64>,
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
    /// What should be known of the adapter that came last, until something else comes or goes.
    pub(crate) remarks: Vec<AdapterRemark>,
    /// What failed and can be asked for once more: what comes from an address.
    pub(crate) again: Option<Import>,
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
        self.transfers.iter().any(|Transfer { import, .. }| import.shelf == place && import.name == name)
    }

    /// Whether what is on its way is a file of the person's.
    pub(crate) fn is_own(&self, id: u64) -> bool {
        let own = |import: &Import| import.id == id && import.origin == Origin::Attached;
        self.transfers.iter().any(|transfer| own(&transfer.import))
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
        Some(self.begin(wanted(place, name, Origin::Url(address), None)))
    }

    /// The command that downloads a model; `None` where it is here or on its way. What has arrived of it before is kept.
    pub(crate) fn download(&mut self, model: Download) -> Option<Import> {
        let Download { name, address, bytes, sha256 } = model;
        if self.has(Shelf::Models, &name) || self.awaits(Shelf::Models, &name) {
            return None;
        }
        Some(self.begin(Import { sha256, ..wanted(Shelf::Models, &name, Origin::Url(address), bytes) }))
    }

    /// The command that tries once more what failed.
    pub(crate) fn retry(&mut self) -> Option<Import> {
        let again = self.again.take()?;
        Some(self.begin(again))
    }

    /// The command that takes in a file of the person's.
    pub(crate) fn take(&mut self, place: Shelf, name: &str, bytes: u64) -> Import {
        self.begin(wanted(place, name, Origin::Attached, Some(bytes)))
    }

    /// The command that takes in an adapter, whose weights travel beside it.
    pub(crate) fn take_adapter(&mut self, name: &str, model: &str, config: Option<String>) -> Import {
        let origin = Origin::Adapter { model: model.to_owned(), config };
        self.begin(wanted(Shelf::Adapters, name, origin, None))
    }

    /// Gives it an id of its own and follows it from now on.
    fn begin(&mut self, import: Import) -> Import {
        self.last_id += 1;
        (self.failure, self.again, self.remarks) = (None, None, Vec::new());
        let import = Import { id: self.last_id, ..import };
        let total_bytes = import.bytes;
        self.transfers.push(Transfer { import: import.clone(), done_bytes: 0, total_bytes });
        import
    }

    /// Takes in what the storage says.
    pub(crate) fn hear(&mut self, event: StorageEvent) {
        match event {
            StorageEvent::Importing { id, done_bytes, total_bytes } => {
                if let Some(transfer) = self.transfers.iter_mut().find(|transfer| transfer.import.id == id) {
                    transfer.done_bytes = done_bytes;
                    transfer.total_bytes = total_bytes.or(transfer.total_bytes);
                }
            }
            StorageEvent::Imported { id, file, remarks } => {
                self.end(Some(id));
                self.remarks = remarks;
                self.forget(file.shelf, &file.name);
                self.files.push(file);
                self.files.sort_by(|a, b| (a.shelf, &a.name).cmp(&(b.shelf, &b.name)));
            }
            StorageEvent::Listed(files) => (self.known, self.files) = (true, files),
            // Another state's.
            StorageEvent::Exported { .. } => {}
            StorageEvent::Runs(runs) => self.runs = Some(runs),
            StorageEvent::Removed { shelf, name } => {
                self.remarks.clear();
                self.forget(shelf, &name);
            }
            StorageEvent::Refused { id, failure } => {
                let ended = self.end(id);
                self.known = true;
                self.failure = (failure != StorageFailure::Cancelled).then_some(failure);
                let failed =
                    ended.filter(|import| self.failure.is_some() && matches!(import.origin, Origin::Url(_)));
                self.again = failed;
            }
        }
    }

    fn end(&mut self, id: Option<u64>) -> Option<Import> {
        let at = self.transfers.iter().position(|transfer| Some(transfer.import.id) == id)?;
        Some(self.transfers.remove(at).import)
    }

    fn forget(&mut self, place: Shelf, name: &str) {
        self.files.retain(|file| file.shelf != place || file.name != name);
    }
}

/// An import that has no id yet.
fn wanted(shelf: Shelf, name: &str, origin: Origin, bytes: Option<u64>) -> Import {
    Import { id: 0, shelf, name: name.to_owned(), origin, sha256: None, bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smolder_protocol::catalog::{BASES, HUB};

    fn stored(name: &str, whole: bool) -> StoredFile {
        StoredFile { shelf: Shelf::Models, name: name.to_owned(), bytes: 10, whole, base: None }
    }

    fn imported(import: &Import, file: StoredFile) -> StorageEvent {
        StorageEvent::Imported { id: import.id, file, remarks: Vec::new() }
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
        library.hear(imported(&import, stored(bundled::MODEL, true)));
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
    fn a_transfer_is_followed_to_its_end() {
        let mut library = listed(&[stored("b.gguf", true)]);
        let import = library.take(Shelf::Models, "a.gguf", 20);
        library.hear(StorageEvent::Importing { id: import.id, done_bytes: 5, total_bytes: None });
        let [transfer] = &library.transfers[..] else { panic!("{:?}", library.transfers) };
        assert_eq!((transfer.done_bytes, transfer.total_bytes), (5, Some(20)));
        library.hear(imported(&import, stored("a.gguf", true)));
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
    fn what_came_from_an_address_is_tried_again_as_it_was() {
        let mut library = listed(&[]);
        let broken = || StorageFailure::Network { reason: String::new() };
        let own = library.take(Shelf::Data, "d.csv", 1);
        assert!(library.is_own(own.id));
        library.hear(StorageEvent::Refused { id: Some(own.id), failure: broken() });
        assert_eq!(library.retry(), None, "a file of the person's is with the person");
        let import = library.download(Download::of(&BASES[0])).unwrap();
        assert!(!library.is_own(import.id));
        library.hear(StorageEvent::Refused { id: Some(import.id), failure: broken() });
        let again = library.retry().unwrap();
        assert!(again.id > import.id && library.failure.is_none());
        assert_eq!(Import { id: import.id, ..again }, import);
        assert_eq!(library.retry(), None, "it is on its way");
    }

    #[test]
    fn remarks_on_an_adapter_stay_until_something_else_is_asked_for() {
        let mut library = listed(&[]);
        let import = library.take_adapter("mine.safetensors", "base.gguf", None);
        let file = StoredFile {
            shelf: Shelf::Adapters,
            base: Some("base.gguf".into()),
            ..stored("mine.safetensors", true)
        };
        let remarks = vec![AdapterRemark::Idle];
        library.hear(StorageEvent::Imported { id: import.id, file, remarks: remarks.clone() });
        assert_eq!((library.has(Shelf::Adapters, "mine.safetensors"), &library.remarks), (true, &remarks));
        library.take(Shelf::Data, "d.csv", 1);
        assert_eq!(library.remarks, []);
    }
}
