//! The two directions of the conversation.

use crate::data::{DataCommand, DataEvent};
use crate::device::{Check, Problem};
use crate::method::MethodSpec;
use crate::model::{ModelCommand, ModelEvent};
use crate::storage::{StorageCommand, StorageEvent};
use crate::train::{Failure, Plan, TrainCommand, TrainConfig, TrainEvent};
use serde::{Deserialize, Serialize};

/// What a front end asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Look at the machine: adapter, limits, storage, and a kernel's own test.
    Check,
    /// Load a model, or let it write.
    Model(ModelCommand),
    /// End what is going on; without anything going on it does nothing.
    Cancel,
    /// Look after the tab's storage; a terminal has none.
    Storage(StorageCommand),
    /// Something about a training run.
    Train(TrainCommand),
    /// Tell what a run would take, without beginning it; while a run goes on, it waits for its end.
    Estimate {
        /// Comes back with the answer.
        id: u64,
        /// The run's settings.
        config: Box<TrainConfig>,
    },
    /// Tell which methods there are to train with.
    Methods,
    /// Look at examples.
    Data(DataCommand),
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
    /// Something about the model.
    Model(ModelEvent),
    /// Something about the tab's storage.
    Storage(StorageEvent),
    /// Something happened in a training run.
    Train(TrainEvent),
    /// [`Command::Estimate`] is done.
    Estimated {
        /// The command's.
        id: u64,
        /// What the run would take, or why it could not begin.
        plan: Result<Plan, Failure>,
    },
    /// [`Command::Methods`] is done.
    Methods(Vec<MethodSpec>),
    /// Something about examples.
    Data(DataEvent),
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
