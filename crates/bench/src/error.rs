//! Why nothing was measured.

use smolder_formats::Error;
use smolder_models::LoadError;
use smolder_models::generate::GenerateError;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The model's file cannot be used.
    #[error(transparent)]
    Model(#[from] Error),
    /// The model was not loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The model wrote nothing.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The device gave no result.
    #[error("the device gave no result: {0}")]
    Device(String),
    /// A step gave no gradient.
    #[error("expected a gradient of the step, found none")]
    NoGradient,
}
