//! What the person chose: the settings of the next run, kept in this browser.

use crate::bundled::{self, EXAMPLES};
use crate::examples::Pair;
use crate::preferences::{save, saved};
use crate::presets::Preset;
use leptos::prelude::*;
use smolder_protocol::TrainConfig;

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

    /// The run has left an adapter; `over` where there is nothing to go on with.
    pub(crate) fn end(self, over: bool) {
        let run = self.unfinished.get_untracked();
        write(TRAINED, run.as_ref());
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

/// A name for a run's folder: the examples, and when it began, from a date like `2026-11-22T13:56:07.000Z`.
pub(crate) fn run_name(examples: &str, date: &str) -> String {
    let stem = examples.rsplit_once('.').map_or(examples, |(stem, _)| stem);
    let time: String = date.chars().take(19).filter(char::is_ascii_digit).collect();
    let (day, clock) = time.split_at_checked(8).unwrap_or((&time, ""));
    format!("{stem}-{day}-{clock}")
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

    #[test]
    fn a_run_is_called_after_its_examples_and_its_beginning() {
        assert_eq!(run_name("tale-style.jsonl", "2026-11-22T13:56:07.123Z"), "tale-style-20261122-135607");
        assert_eq!(run_name("", ""), "--");
    }
}
