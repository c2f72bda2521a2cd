//! Which format a dataset has, from the names of its columns.

use std::fmt;

use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result};

/// What a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `messages`: a list of `role` and `content`.
    Messages,
    /// `conversations`: a list of `from` and `value`.
    ShareGpt,
    /// `instruction`, `input`, `output`, perhaps `system`.
    Alpaca,
    /// `prompt` and `completion`.
    PromptCompletion,
    /// `prompt`, `chosen` and `rejected`.
    Preference,
    /// `text` alone.
    Text,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Messages => "chat messages",
            Self::ShareGpt => "ShareGPT conversations",
            Self::Alpaca => "Alpaca instructions",
            Self::PromptCompletion => "prompt and completion",
            Self::Preference => "preference pairs",
            Self::Text => "plain text",
        })
    }
}

/// New names for columns: `question` to `prompt`, say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping(Vec<(String, String)>);

impl Mapping {
    /// Reads `from=to` pairs.
    ///
    /// # Errors
    /// [`Kind::Syntax`] for what is no pair, [`Kind::Duplicate`] for a name that stands on the same side twice.
    pub fn parse<S: AsRef<str>>(pairs: &[S]) -> Result<Self> {
        let field = "column mapping";
        let pair = |text: &S| {
            let wrong = || Error::new(Kind::Syntax, field, "column=field", text.as_ref());
            text.as_ref().split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).ok_or_else(wrong)
        };
        let pairs: Vec<(String, String)> = pairs.iter().map(pair).collect::<Result<_>>()?;
        for (at, (from, to)) in pairs.iter().enumerate() {
            if pairs.iter().take(at).any(|before| before.0 == *from || before.1 == *to) {
                let found = format!("{from}={to}");
                return Err(Error::new(Kind::Duplicate, field, "each column and each field once", found));
            }
        }
        Ok(Self(pairs))
    }

    /// The columns to be renamed.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|pair| pair.0.as_str())
    }

    /// Renames a row's columns.
    ///
    /// # Errors
    /// [`Kind::Duplicate`] where the row has a column of the new name already.
    pub(super) fn apply(&self, row: Map<String, Value>) -> Result<Map<String, Value>> {
        let mut renamed = Map::new();
        for (key, value) in row {
            let new = self.0.iter().find(|pair| pair.0 == key).map_or(key, |pair| pair.1.clone());
            if renamed.insert(new.clone(), value).is_some() {
                let expected = format!("one column to become `{new}`");
                return Err(Error::new(Kind::Duplicate, "column mapping", expected, "two"));
            }
        }
        Ok(renamed)
    }
}

/// The format that a row's columns speak of.
///
/// # Errors
/// [`Kind::Missing`] naming the columns, where they are of none.
pub(super) fn detect(row: &Map<String, Value>) -> Result<Format> {
    let has = |keys: &[&str]| keys.iter().all(|key| row.contains_key(*key));
    let formats: [(&[&str], Format); 7] = [
        (&["messages"], Format::Messages),
        (&["conversations"], Format::ShareGpt),
        (&["chosen", "rejected"], Format::Preference),
        (&["prompt", "completion"], Format::PromptCompletion),
        (&["instruction", "output"], Format::Alpaca),
        (&["conversation"], Format::ShareGpt),
        (&["text"], Format::Text),
    ];
    formats.iter().find(|(keys, _)| has(keys)).map(|(_, format)| *format).ok_or_else(|| {
        let expected =
            "messages, conversations, instruction+output, prompt+completion, prompt+chosen+rejected or text";
        let found: Vec<&str> = row.keys().take(12).map(String::as_str).collect();
        let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
        Error::new(Kind::Missing, "columns", expected, found)
    })
}
