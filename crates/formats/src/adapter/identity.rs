//! Which base model an adapter was trained on, carried in safetensors metadata.

use crate::error::{Error, Kind, Result};
use crate::source::Sha256Hash;

/// Digests that name a base model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseIdentity {
    /// The model's name, for people.
    pub name: String,
    /// SHA-256 of the file, or of the first part.
    pub file: String,
    /// [`crate::gguf::table_sha256`] of its tensors.
    pub table: String,
    /// [`crate::tokenizer::Tokenizer::sha256`].
    pub tokenizer: String,
    /// [`crate::template::ChatTemplate::sha256`].
    pub template: String,
}

/// What to do where an adapter's base is another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Refuse.
    Strict,
    /// Warn: the caller has asked for it.
    AllowOtherBase,
}

const KEYS: [&str; 5] = [
    "smolder.base.name",
    "smolder.base.sha256",
    "smolder.base.table_sha256",
    "smolder.base.tokenizer_sha256",
    "smolder.base.template_sha256",
];

impl BaseIdentity {
    fn values(&self) -> [&String; 5] {
        [&self.name, &self.file, &self.table, &self.tokenizer, &self.template]
    }

    /// From digests.
    pub fn new(
        name: &str,
        file: Sha256Hash,
        table: Sha256Hash,
        tokenizer: Sha256Hash,
        template: Sha256Hash,
    ) -> Self {
        let [file, table, tokenizer, template] =
            [file, table, tokenizer, template].map(|hash| hash.to_string());
        Self { name: name.to_owned(), file, table, tokenizer, template }
    }

    /// The metadata pairs.
    pub fn to_metadata(&self) -> Vec<(String, String)> {
        KEYS.iter().zip(self.values()).map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    /// The identity in a file's metadata, if it has one.
    pub fn from_metadata(find: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let [name, file, table, tokenizer, template] = KEYS.map(|key| find(key).unwrap_or_default());
        (!file.is_empty() || !table.is_empty()).then_some(Self { name, file, table, tokenizer, template })
    }

    /// Compares the adapter's base with the one at hand; differences that do not matter are returned as warnings.
    ///
    /// # Errors
    /// [`Kind::Mismatch`] for another file, unless `check` allows it; always for another tensor table.
    pub fn check(&self, base: &Self, check: Check) -> Result<Vec<String>> {
        let mut warnings = Vec::new();
        if self.table != base.table {
            return Err(Error::new(Kind::Mismatch, "base model's tensors", &self.table, &base.table));
        }
        if self.file != base.file {
            if check == Check::Strict {
                return Err(Error::new(
                    Kind::Mismatch,
                    "base model",
                    format!("{} ({})", self.name, self.file),
                    &base.file,
                ));
            }
            warnings.push(format!("the adapter was trained on another file: {} ({})", self.name, self.file));
        }
        for (what, ours, theirs) in [
            ("tokenizer", &self.tokenizer, &base.tokenizer),
            ("chat template", &self.template, &base.template),
        ] {
            if ours != theirs {
                warnings.push(format!("the adapter was trained with another {what}"));
            }
        }
        Ok(warnings)
    }
}
