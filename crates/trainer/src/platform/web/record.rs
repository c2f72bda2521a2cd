//! What a run says, written down as it says it: its charts outlive the tab.

use super::file::OpfsFile;
use super::folder::{Access, Folder, Refusal};
use smolder_protocol::TrainConfig;
use smolder_protocol::record::{RECORD, event_line, settings_line};
use smolder_protocol::storage::RUNS;
use smolder_protocol::train::TrainEvent;
use std::cell::RefCell;
use std::io::{Seek, SeekFrom, Write};
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;

/// Hears what goes to the page. Where it cannot be written, the run goes on without.
#[derive(Clone, Debug, Default)]
pub struct Record(Rc<RefCell<Option<Entry>>>);

/// The run that is under way.
#[derive(Debug)]
struct Entry {
    run: String,
    settings: String,
    /// Lines that are not in the file yet.
    waiting: String,
    file: File,
    /// Whether the run has ended.
    over: bool,
}

#[derive(Debug)]
enum File {
    /// A run that never starts leaves none.
    Closed,
    Opening,
    Open(OpfsFile),
}

impl Record {
    /// A run was asked for.
    pub fn begin(&self, config: &TrainConfig) {
        let (run, settings) = (config.out.clone(), settings_line(config));
        let entry = Entry { run, settings, waiting: String::new(), file: File::Closed, over: false };
        *self.0.borrow_mut() = Some(entry);
    }

    /// The run said something.
    pub fn hear(&self, event: &TrainEvent) {
        if matches!(event, TrainEvent::Evaluating { .. }) {
            return;
        }
        self.with(|entry| {
            entry.waiting += &event_line(event);
            entry.over = matches!(event, TrainEvent::Finished(_) | TrainEvent::Failed(_));
            if matches!((event, &entry.file), (TrainEvent::Started(_), File::Closed)) {
                entry.file = File::Opening;
                spawn_local(self.clone().open(entry.run.clone()));
            }
            entry.write(matches!(event, TrainEvent::Checkpointed { .. }));
        });
    }

    async fn open(self, run: String) {
        let file = open(&run).await;
        self.with(|entry| {
            if entry.run != run {
                return;
            }
            entry.file = match file {
                Ok((file, empty)) => {
                    if empty {
                        entry.waiting.insert_str(0, &entry.settings);
                    }
                    File::Open(file)
                }
                Err(_) => File::Closed,
            };
            entry.write(true);
        });
    }

    /// Works on the run that is under way; one that is over and written is forgotten, which closes its file.
    fn with(&self, work: impl FnOnce(&mut Entry)) {
        let mut slot = self.0.borrow_mut();
        let Some(entry) = slot.as_mut() else { return };
        work(entry);
        if entry.over && !matches!(entry.file, File::Opening) {
            *slot = None;
        }
    }
}

impl Entry {
    fn write(&mut self, flush: bool) {
        let File::Open(file) = &mut self.file else { return };
        let written = file.write_all(self.waiting.as_bytes());
        self.waiting.clear();
        if flush || written.is_err() {
            let _ = file.flush();
        }
    }
}

/// The record of a run, open behind its last line, and whether it is new.
async fn open(run: &str) -> Result<(OpfsFile, bool), Refusal> {
    let folder = Folder::root().await?.folder(&format!("{RUNS}/{run}")).await?;
    let mut file = folder.open(RECORD, Access::Write).await?;
    let end = file.seek(SeekFrom::End(0)).unwrap_or_default();
    Ok((file, end == 0))
}
