//! Checkpoints: all that a run needs to go on as if it had never stopped.

mod compare;
mod file;
mod keep;
mod name;
mod nowhere;
mod store;

pub use keep::{Checkpoints, Found, SaveError};
pub(crate) use nowhere::Nowhere;
pub use store::{Store, StoreError};

use crate::data::Cursor;
use crate::early::Evaluations;
use crate::watch::Watch;
use serde::{Deserialize, Serialize};
use smolder_formats::adapter::BaseIdentity;
use smolder_formats::template::Date;
use smolder_protocol::TrainConfig;

/// A run between two steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Everything that is no tensor.
    pub state: State,
    /// The model that is trained on.
    pub base: BaseIdentity,
    /// The trained tensors. A loaded checkpoint has them in the order of their names.
    pub adapter: Vec<NamedTensor>,
    /// The optimizer's moments, under names that the optimizer chooses; likewise.
    pub optimizer: Vec<NamedTensor>,
}

/// A tensor away from its device.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Its name, once in its list.
    pub name: String,
    /// Its shape, outermost dimension first.
    pub shape: Vec<u64>,
    /// Its numbers in row-major order.
    pub values: Vec<f32>,
}

/// Everything that is no tensor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Steps done, skipped ones included: the place in the schedule.
    pub step: u64,
    /// Updates of the weights: the t of AdamW's bias correction.
    pub updates: u64,
    /// The next row.
    pub cursor: Cursor,
    /// Where dropout's random numbers are.
    pub dropout: RandomState,
    /// Tokens trained on.
    pub tokens: u64,
    /// Of these, tokens that were predicted.
    pub labelled_tokens: u64,
    /// The last step's mean loss, in nats.
    pub loss: Option<f32>,
    /// Sequences that the device computes at once at most, after it ran out of memory.
    pub part_sequences: Option<u32>,
    /// Evaluations so far.
    pub evaluations: Evaluations,
    /// What was not finite so far.
    pub watch: Watch,
    /// The run's settings.
    pub config: TrainConfig,
    /// The adapter's `adapter_config.json`.
    pub adapter_config: String,
    /// The day that the chat template was told when the run began: rows stay what they were.
    #[serde(default)]
    pub day: Option<Date>,
    /// [`crate::data::Data::sha256`] of what is trained on.
    pub data_sha256: String,
    /// The same of what is evaluated on.
    pub eval_sha256: Option<String>,
}

/// A place in a stream of random numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomState {
    /// The seed.
    pub seed: u64,
    /// Which of the seed's streams.
    pub stream: u64,
    /// Numbers drawn from it.
    pub position: u64,
}

#[cfg(test)]
mod tests;
