//! Adapters to choose from when trying. Pure.

use crate::library::Library;
use smolder_protocol::TrainConfig;
use smolder_protocol::storage::{Shelf, adapter_of_run};

/// An adapter that can be tried.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// As the worker calls it.
    pub(crate) adapter: String,
    /// What people call it.
    pub(crate) name: String,
    /// The model that it was trained on.
    pub(crate) model: String,
    /// How it was trained, where that was here.
    pub(crate) run: Option<TrainConfig>,
}

impl Candidate {
    fn of_run(run: &TrainConfig) -> Self {
        let (adapter, name) = (adapter_of_run(&run.out), run.out.clone());
        Self { adapter, name, model: run.model.clone(), run: Some(run.clone()) }
    }
}

/// All of them: the run at hand, other runs, then those from elsewhere.
pub(crate) fn candidates(library: &Library, at_hand: Option<&TrainConfig>) -> Vec<Candidate> {
    let runs = library.runs.iter().flatten().filter(|run| run.has_adapter);
    let runs = runs.filter_map(|run| run.summary.as_ref().map(|summary| &summary.config));
    let others = runs.filter(|run| at_hand.is_none_or(|here| here.out != run.out));
    let brought = library.shelf(Shelf::Adapters).filter(|file| file.whole).filter_map(|file| {
        let (name, model) = (file.name.clone(), file.base.clone()?);
        Some(Candidate { adapter: name.clone(), name, model, run: None })
    });
    at_hand.into_iter().chain(others).map(Candidate::of_run).chain(brought).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use smolder_protocol::record::{StoredRun, Summary};
    use smolder_protocol::storage::{StorageEvent, StoredFile};

    fn config(out: &str) -> TrainConfig {
        TrainConfig { out: out.into(), model: "m.gguf".into(), ..TrainConfig::default() }
    }

    fn run(out: &str, has_adapter: bool) -> StoredRun {
        let summary = Summary { config: config(out), step: 1, ..Summary::default() };
        let (bytes, changed_ms) = (1, 1);
        StoredRun {
            name: out.into(),
            summary: Some(summary),
            has_adapter,
            has_checkpoint: true,
            bytes,
            changed_ms,
        }
    }

    #[test]
    fn the_run_at_hand_goes_first_and_each_is_there_once() {
        let mut library = Library::default();
        library.hear(StorageEvent::Runs(vec![run("a", true), run("b", false), run("c", true)]));
        let file = |name: &str, base: Option<&str>| StoredFile {
            shelf: Shelf::Adapters,
            name: name.into(),
            bytes: 1,
            whole: true,
            base: base.map(str::to_owned),
        };
        let files = vec![file("x.safetensors", Some("n.gguf")), file("unknown.safetensors", None)];
        library.hear(StorageEvent::Listed(files));
        let found = candidates(&library, Some(&config("c")));
        let names: Vec<_> = found.iter().map(|one| (&*one.adapter, &*one.model)).collect();
        assert_eq!(names, [("runs/c", "m.gguf"), ("runs/a", "m.gguf"), ("x.safetensors", "n.gguf")]);
        assert!(candidates(&Library::default(), None).is_empty());
    }
}
