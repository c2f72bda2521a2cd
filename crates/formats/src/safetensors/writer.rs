//! Writes a safetensors file.

use std::io::Write;

use serde_json::{Map, Value, json};

use crate::error::{Error, Kind, Result};
use crate::tensor::{Dtype, element_count};

/// A tensor to write.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// F32, F16 or BF16.
    pub dtype: Dtype,
    /// Its shape, outermost dimension first.
    pub shape: Vec<u64>,
    /// Its payload.
    pub bytes: Vec<u8>,
}

impl Entry {
    /// A 32-bit tensor.
    pub fn f32(name: impl Into<String>, shape: &[u64], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name: name.into(), dtype: Dtype::F32, shape: shape.into(), bytes }
    }
}

/// Writes metadata and tensors; tensors are sorted by name, as the reference does for equal dtypes.
///
/// # Errors
/// [`Kind::Duplicate`], [`Kind::Shape`] or [`Kind::Unsupported`] for entries that no file can hold, [`Kind::Io`].
pub fn write<W: Write>(mut out: W, metadata: &[(String, String)], entries: &[Entry]) -> Result<()> {
    let mut order: Vec<&Entry> = entries.iter().collect();
    order.sort_by(|a, b| a.name.cmp(&b.name));
    let mut header = Map::new();
    if !metadata.is_empty() {
        let pairs = metadata.iter().map(|(key, value)| (key.clone(), Value::String(value.clone())));
        header.insert("__metadata__".into(), Value::Object(pairs.collect()));
    }
    let mut offset = 0;
    for entry in &order {
        check(entry)?;
        let end = offset + entry.bytes.len();
        let tensor =
            json!({"dtype": entry.dtype.name(), "shape": entry.shape, "data_offsets": [offset, end]});
        if header.insert(entry.name.clone(), tensor).is_some() {
            let field = format!("tensor `{}`", entry.name);
            return Err(Error::new(Kind::Duplicate, field, "each name once", "it a second time"));
        }
        offset = end;
    }
    let mut text = Value::Object(header).to_string();
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    let parts = [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()];
    let all = parts.into_iter().chain(order.iter().map(|entry| entry.bytes.as_slice()));
    all.into_iter().try_for_each(|part| out.write_all(part)).map_err(|e| Error::io("safetensors", &e))
}

fn check(entry: &Entry) -> Result<()> {
    let field = format!("tensor `{}`", entry.name);
    if !matches!(entry.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
        return Err(Error::new(Kind::Unsupported, field, "F32, F16 or BF16", entry.dtype));
    }
    let bytes = entry.dtype.bytes_for(element_count(&field, &entry.shape)?);
    if bytes == Some(entry.bytes.len() as u64) {
        return Ok(());
    }
    let expected = format!("the bytes of {:?} {}", entry.shape, entry.dtype);
    Err(Error::new(Kind::Shape, field, expected, entry.bytes.len()))
}
