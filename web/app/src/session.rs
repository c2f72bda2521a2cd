//! The conversation with the trainer: a worker, a clock, and the state that the screens show.

use crate::BUILD;
use crate::bridge::Bridge;
use crate::library::Library;
use crate::link::{Message, State};
use crate::talk::Talk;
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use smolder_protocol::model::Sampling;
use smolder_protocol::storage::{Import, Origin, Shelf};
use smolder_protocol::train::DeviceChoice;
use smolder_protocol::{Command, Event, ModelCommand, StorageCommand};
use wasm_bindgen::JsValue;

const TICK_MS: u32 = 250;
/// A laptop that sleeps, or a tab in the background, ticks late. That is not the worker's silence.
const LONGEST_TICK_SECS: f64 = 1.0;

/// The page's session; a context of the whole page.
#[derive(Clone, Copy)]
pub(crate) struct Session {
    pub(crate) state: RwSignal<State>,
    pub(crate) library: RwSignal<Library>,
    pub(crate) talk: RwSignal<Talk>,
    /// The last number that a command was given.
    last_id: StoredValue<u64>,
    /// Since the check began.
    pub(crate) elapsed_secs: RwSignal<f64>,
    waited_secs: StoredValue<f64>,
    last_tick_secs: StoredValue<f64>,
    bridge: StoredValue<Option<Bridge>, LocalStorage>,
}

impl Session {
    /// Starts the worker and the check.
    pub(crate) fn start() -> Self {
        let session = Self {
            state: RwSignal::new(State::START),
            library: RwSignal::default(),
            talk: RwSignal::default(),
            last_id: StoredValue::new(0),
            elapsed_secs: RwSignal::new(0.0),
            waited_secs: StoredValue::new(0.0),
            last_tick_secs: StoredValue::new(now_secs()),
            bridge: StoredValue::new_local(None),
        };
        session.restart();
        session
    }

    /// The page's session.
    pub(crate) fn here() -> Self {
        expect_context()
    }

    /// Starts again with a fresh worker, whatever the old one does.
    pub(crate) fn restart(self) {
        self.state.set(State::START);
        self.library.set(Library::default());
        self.talk.set(Talk::default());
        self.elapsed_secs.set(0.0);
        self.waited_secs.set_value(0.0);
        self.last_tick_secs.set_value(now_secs());
        self.bridge.set_value(None);
        match Bridge::start(move |message| self.hear(message)) {
            Ok(bridge) => self.bridge.set_value(Some(bridge)),
            Err(failure) => self.hear(Message::Failed(failure)),
        }
        self.tick_later();
    }

    fn hear(self, message: Message) {
        self.count_time();
        self.waited_secs.set_value(0.0);
        let ready = matches!(message, Message::Said(Event::Ready { .. }));
        if let Message::Said(event) = &message {
            self.hear_of_models(event, ready);
        }
        self.state.update(|state| *state = state.clone().after(message, BUILD));
        if ready && matches!(self.state.get_untracked(), State::Checking { .. }) {
            self.send(&Command::Check);
        }
    }

    fn hear_of_models(self, event: &Event, ready: bool) {
        let list = match event {
            Event::Model(_) | Event::Storage(_) | Event::Failed(_) => {
                self.talk.update(|talk| talk.hear(event));
                self.library.try_update(|library| library.hear(event)).unwrap_or_default()
            }
            _ => ready,
        };
        if list {
            self.send(&Command::Storage(StorageCommand::List));
        }
    }

    fn next_id(self) -> u64 {
        self.last_id.update_value(|id| *id += 1);
        self.last_id.get_value()
    }

    /// Takes a model's file into the storage.
    pub(crate) fn import(self, name: String, file: &JsValue) {
        let id = self.next_id();
        self.library.update(|library| library.import(id, &name));
        let origin = Origin::Attached;
        let import = Import { id, shelf: Shelf::Models, name, origin, sha256: None, bytes: None };
        let command = Command::Storage(StorageCommand::Import(import));
        self.bridge.with_value(|bridge| bridge.iter().for_each(|bridge| bridge.send_with(&command, file)));
    }

    /// Stops a file that comes in.
    pub(crate) fn stop_import(self, id: u64) {
        self.send(&Command::Storage(StorageCommand::Cancel(id)));
    }

    /// Deletes a model.
    pub(crate) fn remove(self, name: String) {
        self.send(&Command::Storage(StorageCommand::Remove { shelf: Shelf::Models, name }));
    }

    /// Puts a model on a device.
    pub(crate) fn load(self, model: String, device: DeviceChoice) {
        self.library.update(|library| library.load(&model));
        self.talk.set(Talk::default());
        self.send(&Command::Model(ModelCommand::Load { model, device }));
    }

    /// Gives the model's memory back.
    pub(crate) fn unload(self) {
        self.send(&Command::Model(ModelCommand::Unload));
    }

    /// Asks the model something.
    pub(crate) fn ask(self, text: &str, sampling: Sampling, max_tokens: usize) {
        let id = self.next_id();
        let asked = self.talk.try_update(|talk| talk.ask(id, text, sampling, max_tokens));
        if let Some(asked) = asked {
            self.send(&Command::Model(ModelCommand::Generate(Box::new(asked))));
        }
    }

    /// Ends what the trainer does.
    pub(crate) fn cancel(self) {
        self.send(&Command::Cancel);
    }

    fn send(self, command: &Command) {
        self.bridge.with_value(|bridge| {
            if let Some(bridge) = bridge {
                bridge.send(command);
            }
        });
    }

    fn tick_later(self) {
        Timeout::new(TICK_MS, move || self.tick()).forget();
    }

    /// Moves the clock while the check runs, and gives up on a worker that says nothing.
    fn tick(self) {
        if !matches!(self.state.get_untracked(), State::Checking { .. }) {
            return;
        }
        self.count_time();
        match self.state.get_untracked().overdue(self.waited_secs.get_value()) {
            Some(failure) => self.hear(Message::Failed(failure)),
            None => self.tick_later(),
        }
    }

    fn count_time(self) {
        let now = now_secs();
        let passed = now - self.last_tick_secs.get_value();
        self.last_tick_secs.set_value(now);
        self.waited_secs.update_value(|waited| *waited += passed.min(LONGEST_TICK_SECS));
        if matches!(self.state.get_untracked(), State::Checking { .. }) {
            self.elapsed_secs.update(|elapsed| *elapsed += passed);
        }
    }
}

fn now_secs() -> f64 {
    window().performance().map_or_else(js_sys::Date::now, |clock| clock.now()) / 1000.0
}
