//! The conversation with the trainer: a worker, a clock, and the states that the screens show.

use crate::answers::{Answers, Question};
use crate::bridge::Bridge;
use crate::brought::Brought;
use crate::browser::{stored_file, words_of};
use crate::choices::{Choices, run_name};
use crate::exports::{self, Exports};
use crate::library::{Download, Library};
use crate::link::{Message, State};
use crate::look::Looking;
use crate::run::{Run, Status};
use crate::{BUILD, download};
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use smolder_protocol::record::{self, RECORD, StoredRun};
use smolder_protocol::storage::{
    ExportForm, Import, Origin, ROOT, RUNS, Shelf, StorageEvent, StorageFailure, adapter_of_run,
};
use smolder_protocol::train::{EndCause, Failure, TrainCommand, TrainEvent};
use smolder_protocol::{
    Command, DataCommand, Event, MethodSpec, ModelCommand, ModelEvent, Problem, StorageCommand, TrainConfig,
};
use wasm_bindgen::JsValue;

const TICK_MS: u32 = 250;
/// A laptop that sleeps, or a tab in the background, ticks late. That is not the worker's silence.
const LONGEST_TICK_SECS: f64 = 1.0;
/// Between two drawings of a run: charts cost more than steps of a small model.
const DRAW_MS: u32 = 250;
/// Rows of examples that are shown as tokens.
const PREVIEW_ROWS: usize = 3;

/// The page's session; a context of the whole page.
#[derive(Clone, Copy)]
pub(crate) struct Session {
    pub(crate) state: RwSignal<State>,
    /// Since the check began.
    pub(crate) elapsed_secs: RwSignal<f64>,
    pub(crate) methods: RwSignal<Vec<MethodSpec>>,
    pub(crate) library: RwSignal<Library>,
    pub(crate) exports: RwSignal<Exports>,
    pub(crate) looking: RwSignal<Looking>,
    pub(crate) run: RwSignal<Run>,
    pub(crate) answers: RwSignal<Answers>,
    /// How much of a model is on its device while it is being put there, in bytes, of how many.
    pub(crate) loading: RwSignal<Option<(u64, u64)>>,
    own: StoredValue<Own, LocalStorage>,
}

/// What no screen shows.
struct Own {
    choices: Choices,
    /// The model that the worker holds.
    loaded: Option<String>,
    /// Whether a run will be drawn anew.
    drawing: bool,
    /// Whether the run that is under way has lost its GPU once.
    recovered: bool,
    waited_secs: f64,
    last_tick_secs: f64,
    bridge: Option<Bridge>,
    /// Commands, perhaps with a file, until the worker listens; `None` from then on.
    waiting: Option<Vec<Outgoing>>,
}

/// A command, and the file that travels beside it.
type Outgoing = (Command, Option<JsValue>);

impl Session {
    /// Starts the worker and the check.
    pub(crate) fn start(choices: Choices) -> Self {
        let session = Self {
            state: RwSignal::new(State::START),
            elapsed_secs: RwSignal::new(0.0),
            methods: RwSignal::default(),
            library: RwSignal::default(),
            exports: RwSignal::default(),
            looking: RwSignal::default(),
            run: RwSignal::default(),
            answers: RwSignal::default(),
            loading: RwSignal::new(None),
            own: StoredValue::new_local(Own {
                choices,
                loaded: None,
                drawing: false,
                recovered: false,
                waited_secs: 0.0,
                last_tick_secs: now_secs(),
                bridge: None,
                waiting: None,
            }),
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
        self.elapsed_secs.set(0.0);
        self.library.set(Library::default());
        self.exports.set(Exports::default());
        self.looking.update(Looking::forget);
        self.answers.set(Answers::default());
        self.own.update_value(|own| {
            (own.waited_secs, own.last_tick_secs) = (0.0, now_secs());
            (own.loaded, own.bridge, own.waiting) = (None, None, Some(Vec::new()));
        });
        match Bridge::start(move |message| self.hear(message)) {
            Ok(bridge) => self.own.update_value(|own| own.bridge = Some(bridge)),
            Err(failure) => self.hear(Message::Failed(failure)),
        }
        self.tick_later();
    }

    fn hear(self, message: Message) {
        self.count_time();
        self.own.update_value(|own| own.waited_secs = 0.0);
        match message {
            Message::Said(Event::Methods(methods)) => self.methods.set(methods),
            Message::Said(Event::Storage(event)) => self.hear_storage(event),
            Message::Said(Event::Data(event)) => self.looking.update(|looking| looking.hear(event)),
            Message::Said(Event::Model(event)) => self.hear_model(&event),
            Message::Said(Event::Train(event)) => self.hear_train(event),
            other => self.hear_check(other),
        }
    }

    fn hear_check(self, message: Message) {
        let ready = matches!(message, Message::Said(Event::Ready { .. }));
        if let Message::Failed(failure) = &message {
            self.run.update(|run| run.crash(failure.reason(), now_secs()));
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
        if let StorageEvent::Imported { file, .. } = &event
            && file.shelf == Shelf::Data
        {
            self.looking.update(Looking::forget);
        }
        self.library.update(|library| library.hear(event));
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

    fn hear_train(self, event: TrainEvent) {
        let step = matches!(event, TrainEvent::Stepped(_));
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

    /// Whether a run is under way.
    pub(crate) fn training(self) -> bool {
        self.run.with(Run::under_way)
    }

    fn choices(self) -> Choices {
        self.own.with_value(|own| own.choices)
    }

    fn set_loaded(self, model: Option<String>) {
        self.own.update_value(|own| own.loaded = model);
    }

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

    /// Takes in a file of the person's.
    pub(crate) fn take(self, place: Shelf, name: &str, bytes: u64, file: &JsValue) {
        if let Some(import) = self.library.try_update(|library| library.take(place, name, bytes)) {
            self.import(import, Some(file));
        }
    }

    /// Takes in an adapter that a person brought for a model.
    pub(crate) fn take_adapter(self, brought: Brought, model: &str) {
        let Brought { name, weights, config } = brought;
        if let Some(import) = self.library.try_update(|library| library.take_adapter(&name, model, config)) {
            self.import(import, Some(&weights));
        }
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

    /// Begins the chosen run.
    pub(crate) fn train_chosen(self) {
        let mut config = self.choices().config.get_untracked();
        let date = String::from(js_sys::Date::new_0().to_iso_string());
        config.out = run_name(&config.data, &date);
        self.begin(Run::start(now_secs()), config, false);
    }

    /// Goes on with a run that was not finished, behind what its record tells.
    pub(crate) fn go_on(self, config: TrainConfig) {
        self.run.set(Run::start(now_secs()));
        leptos::task::spawn_local(async move {
            let before = record_of(&config.out).await.map(Run::replayed).unwrap_or_default();
            self.begin(before.go_on(now_secs()), config, true);
        });
    }

    fn begin(self, run: Run, config: TrainConfig, resume: bool) {
        self.own.update_value(|own| own.recovered = false);
        self.run.set(run);
        self.answers.set(Answers::default());
        self.choices().begin(config.clone());
        self.send(&Command::Train(TrainCommand::Start { config: Box::new(config), resume }));
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

    /// Has a run's adapter written in another form.
    pub(crate) fn export(self, run: &TrainConfig, form: ExportForm) {
        let (adapter, model, name) = (adapter_of_run(&run.out), run.model.clone(), run.out.clone());
        let wanted = self.exports.try_update(|exports| exports.ask(adapter, model, name, form)).flatten();
        if let Some(wanted) = wanted {
            self.send(&Command::Storage(StorageCommand::Export(wanted)));
        }
    }

    fn hand_out(self, files: Vec<String>) {
        let Some(export) = self.exports.with_untracked(|exports| exports.last().cloned()) else { return };
        leptos::task::spawn_local(async move {
            if let Err(error) = download::exported(&export, &files).await {
                let failure = StorageFailure::Refused { reason: words_of(&error) };
                self.exports.update(|exports| exports.state = exports::State::Failed(failure));
            }
        });
    }

    /// Asks base and tuned model; the base model is put on its device where it is not there.
    pub(crate) fn ask(self, model: &str, question: Question) {
        if self.own.with_value(|own| own.loaded.as_deref() != Some(model)) {
            let device = self.choices().config.with_untracked(|config| config.device);
            self.send(&Command::Model(ModelCommand::Load { model: model.to_owned(), device }));
        }
        if let Some(first) = self.answers.try_update(|answers| answers.ask(question)) {
            self.send(&Command::Model(ModelCommand::Generate(Box::new(first))));
        }
    }

    pub(crate) fn send(self, command: &Command) {
        self.post(command, None);
    }

    /// What is sent before the worker listens would be lost, so it waits.
    fn post(self, command: &Command, file: Option<&JsValue>) {
        self.own.update_value(|own| match (&mut own.waiting, &own.bridge, file) {
            (Some(waiting), ..) => waiting.push((command.clone(), file.cloned())),
            (None, Some(bridge), Some(file)) => bridge.send_with(command, file),
            (None, Some(bridge), None) => bridge.send(command),
            (None, None, _) => {}
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
        match self.state.get_untracked().overdue(self.own.with_value(|own| own.waited_secs)) {
            Some(failure) => self.hear(Message::Failed(failure)),
            None => self.tick_later(),
        }
    }

    fn count_time(self) {
        let now = now_secs();
        let passed = self.own.try_update_value(|own| {
            let passed = now - std::mem::replace(&mut own.last_tick_secs, now);
            own.waited_secs += passed.min(LONGEST_TICK_SECS);
            passed
        });
        let passed = passed.unwrap_or_default();
        if matches!(self.state.get_untracked(), State::Checking { .. }) {
            self.elapsed_secs.update(|elapsed| *elapsed += passed);
        }
    }
}

/// What a run said, from its record.
async fn record_of(run: &str) -> Result<Vec<TrainEvent>, JsValue> {
    let bytes = stored_file(&[ROOT, RUNS, run, RECORD]).await?;
    let (_, events) =
        record::read(&String::from_utf8_lossy(&bytes)).ok_or("no settings in the first line")?;
    Ok(events)
}

/// A file of the page's own server, from anywhere.
fn whole_address(file: &str) -> Option<String> {
    let base = document().base_uri().ok()??;
    Some(web_sys::Url::new_with_base(file, &base).ok()?.href())
}

fn now_secs() -> f64 {
    window().performance().map_or_else(js_sys::Date::now, |clock| clock.now()) / 1000.0
}
