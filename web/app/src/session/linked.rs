//! What a link offers, once the person agreed.

use super::Session;
use crate::brought::{self, Brought};
use crate::browser::words_of;
use crate::fetched;
use crate::linked::{Linked, Remote};
use js_sys::Array;
use leptos::prelude::*;
use smolder_protocol::storage::{Shelf, StorageEvent, StorageFailure};
use web_sys::{Blob, File};

/// How far an adapter is that a link offers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Arriving {
    /// Bytes that are here, of how many.
    Bytes(u64, Option<u64>),
    /// It waits for its model, or to be checked against it.
    Model,
    Failed(StorageFailure),
}

/// An adapter that is here, and the model that it waits for.
pub(super) type Waiting = (Brought, String);

impl Session {
    /// Brings what a link offers; the adapter for the model `base`.
    pub(crate) fn follow(self, linked: Linked, base: String) {
        if let Some(model) = linked.model {
            self.download(model);
        }
        let Some(adapter) = linked.adapter else {
            self.choices().take_model(base);
            return self.forget_link();
        };
        self.arriving.set(Some(Arriving::Bytes(0, None)));
        leptos::task::spawn_local(async move {
            match self.fetch(&adapter).await {
                Ok(Some(found)) => {
                    self.arriving.set(Some(Arriving::Model));
                    self.own.update_value(|own| own.lent = Some((found, base)));
                    self.hand_in();
                }
                // The person has left it.
                Ok(None) => {}
                Err(failure) => self.arriving.set(Some(Arriving::Failed(failure))),
            }
        });
    }

    /// The offer is over.
    pub(crate) fn forget_link(self) {
        self.choices().linked.set(None);
        self.arriving.set(None);
        self.own.update_value(|own| own.lent = None);
    }

    /// Takes the adapter in once its model is here.
    pub(super) fn hand_in(self) {
        let has = |base: &str| self.library.with_untracked(|library| library.has(Shelf::Models, base));
        let ready = self.own.try_update_value(|own| own.lent.take_if(|(_, base)| has(base))).flatten();
        if let Some((adapter, base)) = ready {
            let id = self.take_adapter(adapter, &base);
            self.own.update_value(|own| own.lent_id = id);
        }
    }

    /// What became of the adapter. A refused one may be tried with another model.
    pub(super) fn hear_of_link(self, event: &StorageEvent) {
        let awaited = self.own.with_value(|own| own.lent_id);
        match event {
            StorageEvent::Imported { id, .. } if Some(*id) == awaited => self.forget_link(),
            StorageEvent::Refused { id: Some(id), .. } if Some(*id) == awaited => self.arriving.set(None),
            _ => {}
        }
    }

    async fn fetch(self, adapter: &Remote) -> Result<Option<Brought>, StorageFailure> {
        let wanted = move || self.choices().linked.with_untracked(Option::is_some);
        let told = move |done, total| {
            self.arriving.set(wanted().then_some(Arriving::Bytes(done, total)));
            wanted()
        };
        let Some(weights) = fetched::file(&adapter.address, told).await? else { return Ok(None) };
        let mut files = vec![named(&weights, &adapter.name)?];
        if let Some(address) = adapter.config() {
            let config = fetched::file(&address, |_, _| wanted()).await?;
            let Some(config) = config else { return Ok(None) };
            files.push(named(&config, brought::CONFIG)?);
        }
        let found = brought::find(&files).await.map_err(|error| refused(&error))?;
        let none = || StorageFailure::File { reason: format!("{}: no adapter in it", adapter.name) };
        found.map(Some).ok_or_else(none)
    }
}

fn named(blob: &Blob, name: &str) -> Result<File, StorageFailure> {
    File::new_with_blob_sequence(&Array::of1(blob), name).map_err(|error| refused(&error))
}

fn refused(error: &wasm_bindgen::JsValue) -> StorageFailure {
    StorageFailure::Refused { reason: words_of(error) }
}
