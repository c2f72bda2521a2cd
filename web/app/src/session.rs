//! The conversation with the trainer: a worker, a clock, and the states that the screens show.

mod files;
mod hear;
mod linked;
mod runs;
mod turn;
mod wake;

use crate::answers::{Answers, Question};
use crate::bridge::Bridge;
use crate::choices::Choices;
use crate::estimating::Estimating;
use crate::exports::Exports;
use crate::library::Library;
use crate::link::{Message, State};
use crate::locks::Held;
use crate::look::Looking;
use crate::run::Run;
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
pub(crate) use linked::Arriving;
use linked::Waiting;
use smolder_protocol::{Command, MethodSpec, ModelCommand};
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
    pub(crate) estimating: RwSignal<Estimating>,
    pub(crate) run: RwSignal<Run>,
    /// How far the adapter is that a link offers; nothing until the person wants it.
    pub(crate) arriving: RwSignal<Option<Arriving>>,
    /// Whether the screen shall stay awake while a run goes.
    pub(crate) awake: RwSignal<bool>,
    /// Whether another tab trains.
    pub(crate) elsewhere: RwSignal<bool>,
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
    /// What a link offered, and the import that it became.
    lent: Option<Waiting>,
    lent_id: Option<u64>,
    /// Kept while a run is under way.
    turn: Option<Held>,
    /// The browser's word that the screen stays awake.
    awake: Option<JsValue>,
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
            estimating: RwSignal::default(),
            run: RwSignal::default(),
            arriving: RwSignal::new(None),
            awake: RwSignal::new(false),
            elsewhere: RwSignal::new(false),
            answers: RwSignal::default(),
            loading: RwSignal::new(None),
            own: StoredValue::new_local(Own {
                choices,
                loaded: None,
                drawing: false,
                lent: None,
                lent_id: None,
                turn: None,
                awake: None,
                recovered: false,
                waited_secs: 0.0,
                last_tick_secs: now_secs(),
                bridge: None,
                waiting: None,
            }),
        };
        session.watch_turns();
        session.keep_awake();
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
        self.estimating.set(Estimating::default());
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

    fn choices(self) -> Choices {
        self.own.with_value(|own| own.choices)
    }

    fn set_loaded(self, model: Option<String>) {
        self.own.update_value(|own| own.loaded = model);
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

fn now_secs() -> f64 {
    window().performance().map_or_else(js_sys::Date::now, |clock| clock.now()) / 1000.0
}
