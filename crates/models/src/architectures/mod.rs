//! Model architectures, one file each, found by the name that a model's file gives.

mod gemma3;
mod llama;
mod phi3;
mod qwen2;
mod qwen3;
mod smollm3;

use crate::config::Config;
use crate::description::Description;
use smolder_formats::{Error, Kind, Result, names};

/// What sets a family of models apart.
#[derive(Debug)]
pub struct Architecture {
    /// GGUF's name for it.
    pub name: &'static str,
    /// Models of it that people know.
    pub models: &'static str,
    /// Completes a configuration that holds what all families share.
    pub(crate) configure: fn(Description, &mut Config) -> Result<()>,
}

/// Every architecture that runs.
pub const ALL: [&Architecture; 6] = [
    &llama::ARCHITECTURE,
    &qwen2::ARCHITECTURE,
    &qwen3::ARCHITECTURE,
    &gemma3::ARCHITECTURE,
    &smollm3::ARCHITECTURE,
    &phi3::ARCHITECTURE,
];

/// The architecture of this name, GGUF's or Hugging Face's `model_type`.
///
/// # Errors
/// [`Kind::Unsupported`] naming those that are known.
pub fn find(name: &str) -> Result<&'static Architecture> {
    let gguf = names::architecture(name);
    ALL.into_iter().find(|one| one.name == gguf).ok_or_else(|| {
        let known = ALL.map(|one| one.name).join(", ");
        Error::new(Kind::Unsupported, "architecture", format!("one of {known}"), name)
    })
}
