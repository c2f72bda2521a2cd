//! What comes with the page: a model and examples. The worker fetches them from the page's own server.

use crate::text::Phrases;
use smolder_protocol::storage::Shelf;

/// The bundled model's file.
pub(crate) const MODEL: &str = "tales.gguf";

/// Examples that come with the page.
pub(crate) struct Examples {
    pub(crate) file: &'static str,
    pub(crate) rows: u64,
    pub(crate) title: fn(&Phrases) -> &'static str,
    pub(crate) about: fn(&Phrases) -> &'static str,
    /// Something like them that is not one of them, to answer while training and to try afterwards.
    pub(crate) prompt: &'static str,
}

/// All of them, the first being chosen on a first visit.
pub(crate) const EXAMPLES: [Examples; 4] = [
    Examples {
        file: "tale-style.jsonl",
        rows: 120,
        title: |t| t.data.tale_style,
        about: |t| t.data.tale_style_about,
        prompt: "The boy was afraid of the dark.",
    },
    Examples {
        file: "instructions-en.jsonl",
        rows: 84,
        title: |t| t.data.instructions_en,
        about: |t| t.data.instructions_en_about,
        prompt: "Where does the wolf live?",
    },
    Examples {
        file: "instructions-zh.jsonl",
        rows: 84,
        title: |t| t.data.instructions_zh,
        about: |t| t.data.instructions_zh_about,
        prompt: "狼住在哪里？",
    },
    Examples {
        file: "moods.csv",
        rows: 120,
        title: |t| t.data.moods,
        about: |t| t.data.moods_about,
        prompt: "The king wept for his lost daughter.",
    },
];

/// The bundled examples in this file.
pub(crate) fn examples(file: &str) -> Option<&'static Examples> {
    EXAMPLES.iter().find(|examples| examples.file == file)
}

/// Where the page's server has a file, relative to the page; `None` for what does not come with it.
pub(crate) fn address(shelf: Shelf, file: &str) -> Option<String> {
    match shelf {
        Shelf::Models => (file == MODEL).then(|| format!("assets/{file}")),
        Shelf::Data => examples(file).map(|_| format!("assets/data/{file}")),
        Shelf::Adapters => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_with_the_page_has_an_address() {
        assert_eq!(address(Shelf::Models, MODEL).as_deref(), Some("assets/tales.gguf"));
        assert_eq!(address(Shelf::Data, "moods.csv").as_deref(), Some("assets/data/moods.csv"));
        assert_eq!(address(Shelf::Models, "moods.csv"), None);
        assert_eq!(address(Shelf::Data, "../moods.csv"), None);
        assert_eq!(address(Shelf::Adapters, MODEL), None);
    }
}
