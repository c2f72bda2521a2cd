//! What the page knows of models: what the tab's storage holds, what is on its way, which one is loaded. Pure: events
//! in, a new state out.

use smolder_protocol::model::{Computes, Failure, Loaded, Task};
use smolder_protocol::storage::{Shelf, StorageFailure, StoredFile};
use smolder_protocol::{Event, ModelEvent, Problem, StorageEvent};

/// What the Model screen shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Library {
    /// The models in the storage; `None` until it has answered.
    pub(crate) files: Option<Vec<StoredFile>>,
    /// On their way into the storage.
    pub(crate) arriving: Vec<Arriving>,
    /// On its way to the device.
    pub(crate) loading: Option<Loading>,
    /// On the device.
    pub(crate) loaded: Option<Loaded>,
    /// Why the last thing that was asked for did not happen.
    pub(crate) trouble: Option<Trouble>,
}

/// A file that comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arriving {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) done_bytes: u64,
    pub(crate) total_bytes: Option<u64>,
}

/// A model that is being loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loading {
    pub(crate) model: String,
    pub(crate) done_bytes: u64,
    /// 0 until the first report.
    pub(crate) total_bytes: u64,
}

/// Why something did not happen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Trouble {
    Storage(StorageFailure),
    Model(Failure),
}

impl Library {
    /// A file was sent to the worker.
    pub(crate) fn import(&mut self, id: u64, name: &str) {
        self.trouble = None;
        self.arriving.push(Arriving { id, name: name.to_owned(), done_bytes: 0, total_bytes: None });
    }

    /// A model was asked for; the one that was there goes first.
    pub(crate) fn load(&mut self, model: &str) {
        (self.trouble, self.loaded) = (None, None);
        self.loading = Some(Loading { model: model.to_owned(), done_bytes: 0, total_bytes: 0 });
    }

    /// Whether the storage should be asked again what it holds.
    pub(crate) fn hear(&mut self, event: &Event) -> bool {
        match event {
            Event::Storage(event) => self.hear_storage(event),
            Event::Model(event) => {
                self.hear_model(event);
                false
            }
            Event::Failed(Problem::DeviceLost { .. }) => {
                self.loaded = self.loaded.take().filter(|loaded| loaded.device == Computes::Cpu);
                false
            }
            _ => false,
        }
    }

    fn hear_storage(&mut self, event: &StorageEvent) -> bool {
        match event {
            StorageEvent::Importing { id, done_bytes, total_bytes } => {
                for one in self.arriving.iter_mut().filter(|one| one.id == *id) {
                    (one.done_bytes, one.total_bytes) = (*done_bytes, *total_bytes);
                }
                return false;
            }
            StorageEvent::Listed(files) => {
                let models = files.iter().filter(|file| file.shelf == Shelf::Models);
                self.files = Some(models.cloned().collect());
                return false;
            }
            StorageEvent::Imported { id, .. } => self.arriving.retain(|one| one.id != *id),
            StorageEvent::Removed { .. } => {}
            StorageEvent::Refused { id, failure } => {
                self.arriving.retain(|one| Some(one.id) != *id);
                // Else the screen would wait for a list for ever.
                self.files.get_or_insert_default();
                if *failure != StorageFailure::Cancelled {
                    self.trouble = Some(Trouble::Storage(failure.clone()));
                }
                return id.is_some();
            }
        }
        true
    }

    fn hear_model(&mut self, event: &ModelEvent) {
        match event {
            ModelEvent::Loading { done_bytes, total_bytes } => {
                if let Some(loading) = &mut self.loading {
                    (loading.done_bytes, loading.total_bytes) = (*done_bytes, *total_bytes);
                }
            }
            ModelEvent::Loaded(loaded) => (self.loading, self.loaded) = (None, Some(loaded.clone())),
            ModelEvent::Unloaded => self.loaded = None,
            ModelEvent::Refused { task, failure, still_loaded } => {
                if !still_loaded {
                    self.loaded = None;
                }
                if *task == Task::Load {
                    self.loading = None;
                    let told = Some(failure).filter(|failure| **failure != Failure::Cancelled);
                    self.trouble = told.cloned().map(Trouble::Model);
                }
            }
            ModelEvent::Read { .. } | ModelEvent::Wrote { .. } | ModelEvent::Written(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn file(shelf: Shelf, name: &str) -> StoredFile {
        StoredFile { shelf, name: name.to_owned(), bytes: 7, whole: true }
    }

    fn refused(id: Option<u64>, failure: StorageFailure) -> Event {
        Event::Storage(StorageEvent::Refused { id, failure })
    }

    #[test]
    fn a_file_arrives_and_the_list_is_asked_for() {
        let mut library = Library::default();
        library.import(3, "a.gguf");
        let (id, done_bytes, total_bytes) = (3, 5, Some(7));
        assert!(!library.hear(&Event::Storage(StorageEvent::Importing { id, done_bytes, total_bytes })));
        assert_eq!((library.arriving[0].done_bytes, library.arriving[0].total_bytes), (5, Some(7)));
        let here = file(Shelf::Models, "a.gguf");
        assert!(library.hear(&Event::Storage(StorageEvent::Imported { id, file: here.clone() })));
        let listed = vec![here.clone(), file(Shelf::Data, "b.csv")];
        assert!(!library.hear(&Event::Storage(StorageEvent::Listed(listed))));
        assert_eq!(library, Library { files: Some(vec![here]), ..Library::default() });
    }

    #[test]
    fn what_was_cancelled_is_no_trouble() {
        let mut library = Library::default();
        library.import(3, "a.gguf");
        assert!(library.hear(&refused(Some(3), StorageFailure::Cancelled)));
        assert_eq!((library.arriving.len(), library.trouble.clone()), (0, None));
        let full = StorageFailure::Full { missing_bytes: None };
        assert!(!library.hear(&refused(None, full.clone())));
        assert_eq!(library.trouble, Some(Trouble::Storage(full)));
        library.load("a.gguf");
        assert_eq!(library.trouble, None, "the next try forgets it");
    }

    #[test]
    fn a_model_is_there_until_it_is_lost() {
        let mut library = Library::default();
        library.load("a.gguf");
        library.hear(&Event::Model(ModelEvent::Loading { done_bytes: 1, total_bytes: 2 }));
        assert_eq!(library.loading.as_ref().map(|loading| loading.done_bytes), Some(1));
        library.hear(&Event::Model(ModelEvent::Loaded(sample::loaded())));
        assert_eq!((library.loading.clone(), library.loaded.clone()), (None, Some(sample::loaded())));
        library.hear(&Event::Failed(Problem::DeviceLost { reason: String::new() }));
        assert_eq!(library.loaded, None);
    }
}
