//! Looking at examples as a model will read them, before training.

use crate::train::TrainConfig;
use serde::{Deserialize, Serialize};

/// What a front end asks of examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DataCommand {
    /// Read all rows as training will, and show the first of them.
    Preview {
        /// Comes back with the answer.
        id: u64,
        /// Names model and data, columns, length and what the loss is taken on.
        config: Box<TrainConfig>,
        /// Rows to show.
        rows: usize,
    },
}

/// What is told of examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DataEvent {
    /// [`DataCommand::Preview`] is done.
    Previewed {
        /// Its id.
        id: u64,
        /// What training will see.
        preview: Preview,
    },
    /// [`DataCommand::Preview`] came to nothing.
    Refused {
        /// Its id.
        id: u64,
        /// Why.
        failure: PreviewFailure,
    },
}

/// Examples as a model reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// What the columns mean; `None` without a readable row.
    pub format: Option<DataFormat>,
    /// The columns of the first row, under the file's own names; none for plain text.
    pub columns: Vec<String>,
    /// The first rows that are kept.
    pub rows: Vec<PreviewRow>,
    /// What became of all rows.
    pub audit: Audit,
    /// Whether the model has no chat template, so that a common one is used.
    pub template_built_in: bool,
}

/// What a row's columns mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataFormat {
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

/// A row as tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewRow {
    /// The first of its tokens.
    pub tokens: Vec<PreviewToken>,
    /// Tokens behind them.
    pub hidden: usize,
    /// Tokens of the whole row that are learned.
    pub learned: usize,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewToken {
    /// Its text, with a replacement character for a part of one.
    pub text: String,
    /// Whether the loss is taken on it.
    pub learned: bool,
}

/// Counts over all rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Rows that training sees.
    pub kept: usize,
    /// Rows that it does not see, by reason.
    pub dropped: Vec<Dropped>,
    /// Of the dropped ones, those with nothing to learn in them.
    pub fully_masked: usize,
    /// Kept rows that were cut.
    pub truncated: usize,
    /// Kept rows whose learned part does not end with an end token.
    pub missing_eos: usize,
    /// Kept rows that start with two BOS tokens.
    pub duplicate_bos: usize,
    /// Tokens in kept rows.
    pub tokens: u64,
    /// Of these, tokens that are learned.
    pub learned: u64,
    /// The longest row before it was cut, in tokens.
    pub longest: usize,
    /// Kept rows by length: entry n counts those of 2ⁿ to 2ⁿ⁺¹ − 1 tokens, before they were cut.
    pub lengths: Vec<usize>,
}

/// Rows dropped for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The field and what was expected of it.
    pub reason: String,
    /// How many rows.
    pub rows: usize,
    /// The place of the first, and what it had instead.
    pub first: String,
}

/// Why there is nothing to show. The texts live with the front ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PreviewFailure {
    /// The columns are of no known format: a person must say which is which.
    Columns {
        /// Their names.
        columns: Vec<String>,
    },
    /// Model or data are not what they must be.
    Input {
        /// A sentence that names the file, what was expected and what was found.
        reason: String,
    },
}
