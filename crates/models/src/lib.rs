//! Decoder-only transformers on frozen quantized weights: from a file's tensors to logits and text.

pub mod architectures;
pub mod batch;
pub mod cache;
pub mod config;
pub mod description;
mod exp;
pub mod generate;
mod layers;
mod load;
mod merge;
mod model;
pub mod open;
pub mod peft;
mod read;
pub mod sampling;
pub mod stop_strings;

pub use batch::{Batch, Span};
pub use cache::Cache;
pub use config::Config;
pub use description::Description;
pub use generate::Generator;
pub use layers::{Linear, Norm};
pub use load::{LoadError, Progress};
pub use merge::{Merging, merge};
pub use model::Model;
pub use open::Opened;
