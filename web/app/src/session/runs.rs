//! Runs: begun, steered, opened and deleted.

use super::{Session, now_secs};
use crate::answers::Answers;
use crate::browser::stored_file;
use crate::names::run_name;
use crate::run::{Run, Status};
use leptos::prelude::*;
use smolder_protocol::record::{self, RECORD, StoredRun};
use smolder_protocol::storage::{ROOT, RUNS};
use smolder_protocol::train::{TrainCommand, TrainEvent};
use smolder_protocol::{Command, StorageCommand, TrainConfig};
use wasm_bindgen::JsValue;

impl Session {
    /// Whether a run is under way.
    pub(crate) fn training(self) -> bool {
        self.run.with(Run::under_way)
    }

    /// Begins the chosen run.
    pub(crate) fn train_chosen(self) {
        let mut config = self.choices().config.get_untracked();
        let date = String::from(js_sys::Date::new_0().to_iso_string());
        config.out = run_name(&config.data, &date);
        self.begin(config, false);
    }

    /// Asks what the chosen run would take.
    pub(crate) fn estimate_chosen(self) {
        let config = self.choices().config.get_untracked();
        let Some(id) = self.estimating.try_update(|estimating| estimating.ask(&config)) else { return };
        self.send(&Command::Estimate { id, config: Box::new(config) });
    }

    /// Goes on with a run that was not finished, behind what its record tells.
    pub(crate) fn go_on(self, config: TrainConfig) {
        self.begin(config, true);
    }

    /// Begins a run, unless another tab trains.
    fn begin(self, config: TrainConfig, resume: bool) {
        let shown = self.run.get_untracked();
        self.run.set(Run::start(now_secs()));
        leptos::task::spawn_local(async move {
            if !self.take_turn().await {
                return self.run.set(shown);
            }
            if resume {
                let before = record_of(&config.out).await.map(Run::replayed).unwrap_or_default();
                self.run.set(before.go_on(now_secs()));
            }
            self.own.update_value(|own| own.recovered = false);
            self.answers.set(Answers::default());
            self.choices().begin(config.clone());
            self.send(&Command::Train(TrainCommand::Start { config: Box::new(config), resume }));
        });
    }

    /// Shows a run that was there before.
    pub(crate) async fn open(self, run: &StoredRun) -> Result<(), JsValue> {
        let events = record_of(&run.name).await?;
        self.run.set(Run::replayed(events));
        self.answers.set(Answers::default());
        self.choices().hold(run);
        Ok(())
    }

    /// Whether a run is the one that is under way, to try, or to share.
    pub(crate) fn is_held(self, name: &str) -> bool {
        self.choices().is_held(name)
    }

    /// Deletes a run.
    pub(crate) fn remove_run(self, name: &str) {
        if self.choices().is_held(name) {
            self.run.set(Run::default());
        }
        self.choices().forget(name);
        self.send(&Command::Storage(StorageCommand::RemoveRun(name.to_owned())));
    }

    /// Tells the run that is under way what the person wants.
    pub(crate) fn steer(self, command: TrainCommand, status: Status) {
        self.run.update(|run| run.ask(status, now_secs()));
        self.send(&Command::Train(command));
    }
}

/// What a run said, from its record.
async fn record_of(run: &str) -> Result<Vec<TrainEvent>, JsValue> {
    let bytes = stored_file(&[ROOT, RUNS, run, RECORD]).await?;
    let (_, events) =
        record::read(&String::from_utf8_lossy(&bytes)).ok_or("no settings in the first line")?;
    Ok(events)
}
