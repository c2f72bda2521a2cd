//! Decoder-only transformers on frozen quantized weights: from a file's tensors to logits.

pub mod architectures;
pub mod batch;
pub mod cache;
pub mod config;
pub mod description;
mod layers;
mod load;
mod model;
pub mod peft;

pub use batch::Batch;
pub use cache::Cache;
pub use config::Config;
pub use description::Description;
pub use load::{LoadError, Progress};
pub use model::Model;
