//! GGUF, versions 2 and 3, little-endian: `"GGUF"`, version, counts, key-value pairs, tensor table, padding, payload.

mod bytes;
mod metadata;
mod reader;
mod split;
mod strings;
mod table;
mod values;
mod writer;

pub use metadata::{Array, Metadata, Value};
pub use reader::{Gguf, GgufFile, table_sha256};
pub use split::{SplitGguf, split_name, split_names};
pub use strings::Strings;
pub use writer::{GgufWriter, TensorPlan};

/// The first four bytes.
pub const MAGIC: [u8; 4] = *b"GGUF";
/// Where `general.alignment` says nothing.
pub const DEFAULT_ALIGNMENT: u32 = 32;
