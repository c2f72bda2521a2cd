//! What the person chose: the settings of the next run, kept in this browser.

use crate::bundled::{self, EXAMPLES};
use crate::examples::Pair;
use crate::linked::{Linked, Refused};
use crate::preferences::{save, saved};
use crate::presets::Preset;
use leptos::prelude::*;
use smolder_protocol::TrainConfig;
use smolder_protocol::record::StoredRun;

const NEXT: &str = "smolder.next";
const LAST: &str = "smolder.last";
const TRAINED: &str = "smolder.trained";
/// Empty rows to begin typing in.
const TYPED_ROWS: usize = 3;

/// The choices as signals; a context of the whole page.
#[derive(Clone, Copy)]
pub(crate) struct Choices {
    /// The next run.
    pub(crate) config: RwSignal<TrainConfig>,
    /// The run that was begun last and has not come to its end.
    pub(crate) unfinished: RwSignal<Option<TrainConfig>>,
    /// The run that came to its end last and left an adapter.
    pub(crate) trained: RwSignal<Option<TrainConfig>>,
    /// The adapter that is tried, as the worker calls it; `None` for the run at hand.
    pub(crate) tried: RwSignal<Option<String>>,
    /// Settings that a link brought, or why they cannot be read, until the person has decided.
    pub(crate) offered: RwSignal<Option<Result<TrainConfig, String>>>,
    /// What a link offers, or why it cannot be followed, until the person has decided.
    pub(crate) linked: RwSignal<Option<Result<Linked, Refused>>>,
    /// Examples that are being typed, and text that was pasted; kept while one looks at other screens.
    pub(crate) typed: RwSignal<Vec<Pair>>,
    pub(crate) pasted: RwSignal<String>,
}

impl Choices {
    /// What was chosen last time, else the first visit's choice.
    pub(crate) fn load() -> Self {
        let config = RwSignal::new(read(NEXT).unwrap_or_else(first_visit));
        Effect::new(move || config.with(|config| write(NEXT, Some(config))));
        Self {
            config,
            unfinished: RwSignal::new(read(LAST)),
            trained: RwSignal::new(read(TRAINED)),
            tried: RwSignal::new(None),
            offered: RwSignal::new(None),
            linked: RwSignal::new(None),
            typed: RwSignal::new(vec![Pair::default(); TYPED_ROWS]),
            pasted: RwSignal::default(),
        }
    }

    /// The page's choices.
    pub(crate) fn here() -> Self {
        expect_context()
    }

    /// Changes the settings of the next run.
    pub(crate) fn change(self, change: impl FnOnce(&mut TrainConfig)) {
        self.config.update(change);
    }

    /// Whether the next run is still a first visit's.
    pub(crate) fn untouched(self) -> bool {
        self.config.with(|config| *config == first_visit())
    }

    /// Takes a model.
    pub(crate) fn take_model(self, file: String) {
        self.change(|config| config.model = file);
    }

    /// Takes examples; what was said of other columns is forgotten.
    pub(crate) fn take_examples(self, file: &str) {
        self.change(|config| {
            file.clone_into(&mut config.data);
            config.map.clear();
            config.samples =
                bundled::examples(file).map(|known| known.prompt.to_owned()).into_iter().collect();
        });
    }

    /// Remembers a run that begins, so that a closed tab loses nothing.
    pub(crate) fn begin(self, run: TrainConfig) {
        write(LAST, Some(&run));
        self.unfinished.set(Some(run));
    }

    /// Takes up a run that was there before: to try and to share, where it has an adapter, and to go on with.
    pub(crate) fn hold(self, run: &StoredRun) {
        let config = run.summary.as_ref().map(|summary| summary.config.clone());
        let (trained, unfinished) =
            (config.clone().filter(|_| run.has_adapter), config.filter(|_| run.can_go_on()));
        write(TRAINED, trained.as_ref());
        write(LAST, unfinished.as_ref());
        self.tried.set(None);
        self.trained.set(trained);
        self.unfinished.set(unfinished);
    }

    /// Whether a run is the one to try, to share or to go on with.
    pub(crate) fn is_held(self, name: &str) -> bool {
        let named = |run: &Option<TrainConfig>| run.as_ref().is_some_and(|run| run.out == name);
        self.trained.with_untracked(named) || self.unfinished.with_untracked(named)
    }

    /// Forgets a run that is deleted.
    pub(crate) fn forget(self, name: &str) {
        for (key, run) in [(TRAINED, self.trained), (LAST, self.unfinished)] {
            if run.with_untracked(|run| run.as_ref().is_some_and(|run| run.out == name)) {
                write(key, None);
                run.set(None);
            }
        }
    }

    /// The run has left an adapter; `over` where there is nothing to go on with.
    pub(crate) fn end(self, over: bool) {
        let run = self.unfinished.get_untracked();
        write(TRAINED, run.as_ref());
        self.tried.set(None);
        self.trained.set(run);
        if over {
            write(LAST, None);
            self.unfinished.set(None);
        }
    }
}

/// The bundled model, the first sample, a quick look.
fn first_visit() -> TrainConfig {
    let [examples, ..] = &EXAMPLES;
    let chosen = TrainConfig {
        model: bundled::MODEL.to_owned(),
        data: examples.file.to_owned(),
        samples: vec![examples.prompt.to_owned()],
        ..TrainConfig::default()
    };
    Preset::Balanced.applied_to(&chosen)
}

/// Settings of an older release that today's page does not know are forgotten.
fn read(key: &str) -> Option<TrainConfig> {
    serde_json::from_str(&saved(key)?).ok()
}

fn write(key: &str, config: Option<&TrainConfig>) {
    let text = config.map(serde_json::to_string).and_then(Result::ok);
    save(key, text.as_deref().unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_visit_can_train_at_once() {
        let config = first_visit();
        assert_eq!(config.problems(), []);
        assert_eq!(Preset::of(&config), Some(Preset::Balanced));
        assert!(bundled::examples(&config.data).is_some() && !config.samples.is_empty());
    }
}
