//! What libraries call an error, as a run's end.

use crate::checkpoint::{SaveError, StoreError};
use crate::compute::DeviceError;
use smolder_protocol::Problem;
use smolder_protocol::train::Failure;
use std::fmt::Display;

/// Something that was given cannot be used.
pub(super) fn input(error: impl Display) -> Failure {
    Failure::Input { reason: error.to_string() }
}

/// Something cannot be written, or read back.
pub(super) fn storage(error: &StoreError) -> Failure {
    Failure::Storage { reason: error.to_string(), full: matches!(error, StoreError::Full { .. }) }
}

/// A checkpoint cannot be written.
pub(super) fn unsaved(error: &SaveError) -> Failure {
    match error {
        SaveError::Store(error) => storage(error),
        SaveError::Device { reason } => Failure::Device(Problem::DeviceLost { reason: reason.clone() }),
        other => Failure::Storage { reason: other.to_string(), full: false },
    }
}

/// The device gave no result for sequences of at most so many `tokens`.
pub(super) fn device(error: DeviceError, tokens: usize) -> Failure {
    match error {
        DeviceError::OutOfMemory => Failure::OutOfMemory { tokens: tokens as u64 },
        DeviceError::Failed(problem) => Failure::Device(problem),
    }
}
