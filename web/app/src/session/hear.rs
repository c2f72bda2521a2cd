//! What the worker says, and what follows from it.

use super::{DRAW_MS, Session, now_secs};
use crate::BUILD;
use crate::estimating::Estimating;
use crate::link::{Message, State};
use crate::look::Looking;
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use smolder_protocol::storage::{Shelf, StorageEvent, StoredFile};
use smolder_protocol::train::{EndCause, Failure, Plan, TrainCommand, TrainEvent};
use smolder_protocol::{Command, Event, ModelCommand, ModelEvent, Problem, StorageCommand};

impl Session {
    pub(super) fn hear(self, message: Message) {
        self.count_time();
        self.own.update_value(|own| own.waited_secs = 0.0);
        match message {
            Message::Said(Event::Methods(methods)) => self.methods.set(methods),
            Message::Said(Event::Storage(event)) => self.hear_storage(event),
            Message::Said(Event::Data(event)) => self.looking.update(|looking| looking.hear(event)),
            Message::Said(Event::Model(event)) => self.hear_model(&event),
            Message::Said(Event::Train(event)) => self.hear_train(event),
            Message::Said(Event::Estimated { id, plan }) => self.hear_estimate(id, plan),
            other => self.hear_check(other),
        }
    }

    fn hear_check(self, message: Message) {
        let ready = matches!(message, Message::Said(Event::Ready { .. }));
        if let Message::Failed(failure) = &message {
            self.run.update(|run| run.crash(failure.reason(), now_secs()));
            self.estimating.set(Estimating::default());
        }
        self.state.update(|state| *state = state.clone().after(message, BUILD));
        if ready && matches!(self.state.get_untracked(), State::Checking { .. }) {
            let waiting = self.own.try_update_value(|own| own.waiting.take()).flatten();
            self.send(&Command::Check);
            self.send(&Command::Methods);
            self.send(&Command::Storage(StorageCommand::List));
            for (command, file) in waiting.into_iter().flatten() {
                self.post(&command, file.as_ref());
            }
        }
    }

    fn hear_storage(self, event: StorageEvent) {
        if self.exports.try_update(|exports| exports.hear(&event)) == Some(true) {
            if let StorageEvent::Exported { files, .. } = event {
                self.hand_out(files);
            }
            return;
        }
        self.hear_of_link(&event);
        let own = match &event {
            StorageEvent::Imported { id, file, .. } => {
                if file.shelf != Shelf::Adapters {
                    self.looking.update(Looking::forget);
                }
                self.library.with_untracked(|library| library.is_own(*id)).then(|| file.clone())
            }
            // What has arrived of a file that did not come is listed, and may be deleted.
            StorageEvent::Refused { id: Some(_), .. } => {
                self.send(&Command::Storage(StorageCommand::List));
                None
            }
            _ => None,
        };
        self.library.update(|library| library.hear(event));
        match own {
            Some(StoredFile { shelf: Shelf::Models, name, .. }) => self.choices().take_model(name),
            Some(StoredFile { shelf: Shelf::Data, name, .. }) => self.choices().take_examples(&name),
            _ => {}
        }
        self.hand_in();
    }

    fn hear_model(self, event: &ModelEvent) {
        match event {
            ModelEvent::Loading { done_bytes, total_bytes } => {
                self.loading.set(Some((*done_bytes, *total_bytes)));
            }
            ModelEvent::Loaded(loaded) => self.set_loaded(Some(loaded.model.clone())),
            ModelEvent::Refused { still_loaded: false, .. } | ModelEvent::Unloaded => {
                self.set_loaded(None);
            }
            _ => {}
        }
        if !matches!(event, ModelEvent::Loading { .. }) && self.loading.get_untracked().is_some() {
            self.loading.set(None);
        }
        if let Some(next) = self.answers.try_update(|answers| answers.hear(event)).flatten() {
            self.send(&Command::Model(ModelCommand::Generate(Box::new(next))));
        }
    }

    fn hear_estimate(self, id: u64, plan: Result<Plan, Failure>) {
        self.loading.set(None);
        let held = self.estimating.try_update(|estimating| estimating.hear(id, plan)).flatten();
        // Where it failed, nobody knows what the worker holds: it is asked to load again.
        self.set_loaded(held);
    }

    fn hear_train(self, event: TrainEvent) {
        let step = matches!(event, TrainEvent::Stepped(_) | TrainEvent::Evaluating { .. });
        if matches!(event, TrainEvent::Started(_) | TrainEvent::Failed(_)) {
            self.loading.set(None);
        }
        if matches!(event, TrainEvent::Started(_)) {
            self.set_loaded(self.choices().unfinished.get_untracked().map(|config| config.model));
        }
        if let TrainEvent::Finished(end) = &event {
            self.choices().end(end.cause != EndCause::Stopped);
        }
        let lost = matches!(event, TrainEvent::Failed(Failure::Device(Problem::DeviceLost { .. })));
        self.run.update_untracked(|run| run.hear(event, now_secs()));
        if step {
            self.draw_soon();
        } else {
            self.run.notify();
        }
        if lost {
            self.recover();
        }
    }

    /// Goes on once by itself after the GPU was lost; a second time is for the person to decide.
    fn recover(self) {
        let Some(config) = self.choices().unfinished.get_untracked() else { return };
        if self.own.try_update_value(|own| std::mem::replace(&mut own.recovered, true)) == Some(false) {
            self.run.update(|run| run.recover(now_secs()));
            self.send(&Command::Train(TrainCommand::Start { config: Box::new(config), resume: true }));
        }
    }

    /// Draws what came meanwhile at most some times a second.
    fn draw_soon(self) {
        let draw = move || {
            self.own.update_value(|own| own.drawing = false);
            self.run.notify();
        };
        let drawing = self.own.try_update_value(|own| std::mem::replace(&mut own.drawing, true));
        if drawing == Some(false) {
            Timeout::new(DRAW_MS, draw).forget();
        }
    }
}
