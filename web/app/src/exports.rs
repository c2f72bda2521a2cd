//! The forms in which an adapter is taken along, as far as the worker writes them. Pure: events in, a new state out.

use smolder_protocol::storage::{Export, ExportForm, StorageEvent, StorageFailure};

/// Imports count from 1, and both share the events.
const FIRST_ID: u64 = 1 << 32;

/// What became of the last wish.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum State {
    #[default]
    Idle,
    /// So many bytes are written, of how many.
    Writing(u64, Option<u64>),
    /// The browser is given these files.
    Written(Vec<String>),
    Failed(StorageFailure),
}

/// The last wish; one is answered at a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Exports {
    pub(crate) state: State,
    last: Option<Export>,
    count: u64,
}

impl Exports {
    /// The command that writes an adapter; nothing while another is being written.
    pub(crate) fn ask(
        &mut self,
        adapter: String,
        model: String,
        name: String,
        form: ExportForm,
    ) -> Option<Export> {
        if self.writing() {
            return None;
        }
        let id = FIRST_ID + self.count;
        self.count += 1;
        self.state = State::Writing(0, None);
        self.last = Some(Export { id, adapter, model, name, form });
        self.last.clone()
    }

    /// Whether something is being written.
    pub(crate) fn writing(&self) -> bool {
        matches!(self.state, State::Writing(..))
    }

    /// What was wished last.
    pub(crate) fn last(&self) -> Option<&Export> {
        self.last.as_ref()
    }

    /// Takes in what the storage says; whether that was about an export.
    pub(crate) fn hear(&mut self, event: &StorageEvent) -> bool {
        let (id, state) = match event {
            StorageEvent::Importing { id, done_bytes, total_bytes } => {
                (*id, State::Writing(*done_bytes, *total_bytes))
            }
            StorageEvent::Exported { id, files } => (*id, State::Written(files.clone())),
            StorageEvent::Refused { id: Some(id), failure } => (*id, refused(failure)),
            _ => return false,
        };
        if self.last.as_ref().is_some_and(|last| last.id == id) {
            self.state = state;
        }
        id >= FIRST_ID
    }
}

fn refused(failure: &StorageFailure) -> State {
    match failure {
        StorageFailure::Cancelled => State::Idle,
        other => State::Failed(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(exports: &mut Exports) -> Option<Export> {
        exports.ask("runs/r".into(), "m.gguf".into(), "r".into(), ExportForm::Merged)
    }

    #[test]
    fn one_export_at_a_time_is_followed_to_its_end() {
        let mut exports = Exports::default();
        let wanted = ask(&mut exports).unwrap();
        assert_eq!(ask(&mut exports), None);
        assert!(exports.hear(&StorageEvent::Importing {
            id: wanted.id,
            done_bytes: 3,
            total_bytes: Some(9)
        }));
        assert_eq!(exports.state, State::Writing(3, Some(9)));
        let files = vec!["r.gguf".to_owned()];
        assert!(exports.hear(&StorageEvent::Exported { id: wanted.id, files: files.clone() }));
        assert_eq!(exports.state, State::Written(files));
    }

    #[test]
    fn imports_are_somebody_elses_and_a_wish_to_stop_is_no_failure() {
        let mut exports = Exports::default();
        let wanted = ask(&mut exports).unwrap();
        let refused = |id, failure| StorageEvent::Refused { id: Some(id), failure };
        assert!(!exports.hear(&refused(1, StorageFailure::Cancelled)));
        assert!(exports.writing());
        assert!(exports.hear(&refused(wanted.id, StorageFailure::Cancelled)));
        assert_eq!(exports.state, State::Idle);
        let next = ask(&mut exports).unwrap();
        assert!(next.id > wanted.id);
        let full = StorageFailure::Full { missing_bytes: None };
        assert!(exports.hear(&refused(next.id, full.clone())));
        assert!(exports.hear(&StorageEvent::Exported { id: wanted.id, files: Vec::new() }), "an older one");
        assert_eq!(exports.state, State::Failed(full));
    }
}
