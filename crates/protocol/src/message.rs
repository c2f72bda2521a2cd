//! The two directions of the conversation.

use crate::device::{Check, Problem};
use crate::train::{TrainCommand, TrainEvent};
use serde::{Deserialize, Serialize};

/// What a front end asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Look at the machine: adapter, limits, storage, and a kernel's own test.
    Check,
    /// Something about a training run.
    Train(TrainCommand),
}

/// What the trainer answers, in the order in which it happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The trainer listens; commands sent earlier were lost.
    Ready {
        /// The build that the trainer comes from; a front end of another build asks for a reload.
        build: String,
    },
    /// A long operation moved on.
    Progress(Stage),
    /// [`Command::Check`] is done.
    Checked(Check),
    /// The GPU failed after it had been checked.
    Failed(Problem),
    /// Something happened in a training run.
    Train(TrainEvent),
}

/// The steps of [`Command::Check`], in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Asking for an adapter and a device.
    Adapter,
    /// Compiling and running the kernels' own test.
    SelfTest,
    /// Asking for free storage.
    Storage,
}
