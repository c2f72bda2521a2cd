//! Files in and out of the tab's storage.

use super::{PREVIEW_ROWS, Session};
use crate::brought::Brought;
use crate::browser::words_of;
use crate::library::{Download, Library};
use crate::{download, exports};
use leptos::prelude::*;
use smolder_protocol::storage::{ExportForm, Import, Origin, Shelf, StorageFailure, adapter_of_run};
use smolder_protocol::{Command, DataCommand, StorageCommand, TrainConfig};
use wasm_bindgen::JsValue;

impl Session {
    /// Brings what comes with the page and is chosen but not here.
    pub(crate) fn fetch_chosen(self) {
        let (model, data) = self.choices().config.with(|config| (config.model.clone(), config.data.clone()));
        for (shelf, name) in [(Shelf::Models, model), (Shelf::Data, data)] {
            if let Some(import) = self.library.try_update(|library| library.fetch(shelf, &name)).flatten() {
                self.import(import, None);
            }
        }
    }

    /// Downloads a model.
    pub(crate) fn download(self, model: Download) {
        if let Some(import) = self.library.try_update(|library| library.download(model)).flatten() {
            self.import(import, None);
        }
    }

    /// Asks once more for what did not come.
    pub(crate) fn retry(self) {
        if let Some(import) = self.library.try_update(Library::retry).flatten() {
            self.import(import, None);
        }
    }

    /// Takes in a file of the person's, which is the chosen one once it is here.
    pub(crate) fn take(self, place: Shelf, name: &str, bytes: u64, file: &JsValue) {
        if let Some(import) = self.library.try_update(|library| library.take(place, name, bytes)) {
            self.import(import, Some(file));
        }
    }

    /// Takes in an adapter that a person brought for a model; the import's id.
    pub(crate) fn take_adapter(self, brought: Brought, model: &str) -> Option<u64> {
        let Brought { name, weights, config } = brought;
        let import = self.library.try_update(|library| library.take_adapter(&name, model, config))?;
        let id = import.id;
        self.import(import, Some(&weights));
        Some(id)
    }

    /// The worker lives at an address of its own, so it is told whole addresses.
    fn import(self, mut import: Import, file: Option<&JsValue>) {
        if let Origin::Url(address) = &mut import.origin
            && let Some(whole) = whole_address(address)
        {
            *address = whole;
        }
        self.post(&Command::Storage(StorageCommand::Import(import)), file);
    }

    /// Asks what training will see of the examples, unless that is known.
    pub(crate) fn look(self, config: &TrainConfig) {
        let Some(id) = self.looking.try_update(|looking| looking.ask(config)).flatten() else { return };
        let config = Box::new(config.clone());
        self.send(&Command::Data(DataCommand::Preview { id, config, rows: PREVIEW_ROWS }));
    }

    /// Has a run's adapter written in another form.
    pub(crate) fn export(self, run: &TrainConfig, form: ExportForm) {
        let (adapter, model, name) = (adapter_of_run(&run.out), run.model.clone(), run.out.clone());
        let wanted = self.exports.try_update(|exports| exports.ask(adapter, model, name, form)).flatten();
        if let Some(wanted) = wanted {
            self.send(&Command::Storage(StorageCommand::Export(wanted)));
        }
    }

    pub(super) fn hand_out(self, files: Vec<String>) {
        let Some(export) = self.exports.with_untracked(|exports| exports.last().cloned()) else { return };
        leptos::task::spawn_local(async move {
            if let Err(error) = download::exported(&export, &files).await {
                let failure = StorageFailure::Refused { reason: words_of(&error) };
                self.exports.update(|exports| exports.state = exports::State::Failed(failure));
            }
        });
    }
}

/// A file of the page's own server, from anywhere.
fn whole_address(file: &str) -> Option<String> {
    let base = document().base_uri().ok()??;
    Some(web_sys::Url::new_with_base(file, &base).ok()?.href())
}
