//! Everything that comes from outside passes here: model files, tokenizers, chat templates, data and adapters.
//!
//! No GPU, no threads, no file system of its own: readers take `Read + Seek`. Nothing here panics on any input,
//! memory is bounded by [`limits`], and every refusal is an [`Error`] that names the file and the field.

pub mod adapter;
pub mod dataset;
mod dtype;
pub mod error;
pub mod gguf;
pub mod inspect;
pub mod json;
pub mod limits;
pub mod model;
pub mod names;
pub mod quants;
pub mod safetensors;
mod shapes;
pub mod sniff;
pub mod source;
pub mod template;
pub mod tensor;
pub mod tokenizer;

pub use dtype::Dtype;
pub use error::{Error, Kind, Result};
pub use source::{Sha256Hash, Source};
pub use tensor::{TensorInfo, TensorSource};
