//! Decoder-only transformers on frozen quantized weights: from a file's tensors to logits and text.

mod approximation;
pub mod architectures;
pub mod batch;
pub mod cache;
mod combine;
pub mod config;
mod convert;
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
mod svd;

pub use approximation::{Approximation, Distance};
pub use batch::{Batch, Span};
pub use cache::Cache;
pub use combine::{Combination, Rule, Sign, WAYS, Way, Weights, combine, search};
pub use config::Config;
pub use convert::convert;
pub use description::Description;
pub use generate::Generator;
pub use layers::{Linear, Norm};
pub use load::{LoadError, Progress};
pub use merge::{Merging, merge};
pub use model::Model;
pub use open::Opened;
