//! safetensors: eight bytes of header length, a JSON header of names, dtypes, shapes and byte ranges, payload.

mod header;
mod model;
mod reader;
mod writer;

pub use model::HfModel;
pub(crate) use model::require;
pub use reader::Safetensors;
pub use writer::{Entry, write, write_header};
