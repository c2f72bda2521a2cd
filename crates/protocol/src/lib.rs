//! What Smolder's front ends (page, terminal) and its trainer say to each other.
//!
//! A front end sends [`Command`]s and shows [`Event`]s; it never sees a tensor. Everything here is plain
//! data that serde carries unchanged across a worker's `postMessage`.

pub mod bundled;
pub mod catalog;
pub mod data;
mod device;
mod message;
mod method;
pub mod model;
pub mod record;
pub mod storage;
pub mod train;

pub use data::{DataCommand, DataEvent};
pub use device::{Adapter, AdapterKind, Check, Limits, Problem, SelfTest, Severity, Storage, Subgroups};
pub use message::{Command, Event, Stage};
pub use method::{MethodSpec, OptionSpec};
pub use model::{ModelCommand, ModelEvent};
pub use storage::{StorageCommand, StorageEvent};
pub use train::{TrainCommand, TrainConfig, TrainEvent};
