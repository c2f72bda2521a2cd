//! What comes with Smolder, in `assets/`: a tiny model, and data to try training with.

use serde::Serialize;

/// A file that comes with Smolder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bundled {
    /// What people type instead of a path.
    pub id: &'static str,
    /// The file below `assets/`.
    pub file: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
}

/// The model.
pub const MODEL: Bundled = Bundled {
    id: "tales",
    file: "tales.gguf",
    about: "a tiny model that tells tales like the brothers Grimm",
};

/// Examples to train on; the first are those that suit [`MODEL`] best.
pub const SAMPLES: [Bundled; 4] = [
    Bundled {
        id: "tale-style",
        file: "data/tale-style.jsonl",
        about: "plain sentences retold as fairy tales",
    },
    Bundled {
        id: "moods",
        file: "data/moods.csv",
        about: "sentences and their mood: joy, sorrow, anger or fear",
    },
    Bundled {
        id: "instructions-en",
        file: "data/instructions-en.jsonl",
        about: "short instructions and answers",
    },
    Bundled { id: "instructions-zh", file: "data/instructions-zh.jsonl", about: "the same kind in Chinese" },
];

impl Bundled {
    /// The file that `name` stands for, in any case.
    pub fn find(name: &str) -> Option<&'static Self> {
        [&MODEL].into_iter().chain(&SAMPLES).find(|one| one.id.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_in_any_case() {
        assert_eq!(Bundled::find("Tales"), Some(&MODEL));
        assert!(SAMPLES.iter().all(|one| Bundled::find(one.id) == Some(one)));
        assert_eq!(Bundled::find("tales.gguf"), None);
    }
}
