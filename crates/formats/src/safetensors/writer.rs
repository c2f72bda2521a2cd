//! Writes a safetensors file.

use std::io::Write;

use serde_json::{Map, Value, json};

use crate::dtype::Dtype;
use crate::error::{Error, Kind, Result};
use crate::gguf::TensorPlan;
use crate::tensor::element_count;

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

    fn plan(&self) -> TensorPlan {
        TensorPlan { name: self.name.clone(), shape: self.shape.clone(), dtype: self.dtype }
    }
}

/// Writes metadata and tensors; tensors are sorted by name, as the reference does for equal dtypes.
///
/// # Errors
/// [`Kind::Duplicate`], [`Kind::Shape`] or [`Kind::Unsupported`] for entries that no file can hold, [`Kind::Io`].
pub fn write<W: Write>(mut out: W, metadata: &[(String, String)], entries: &[Entry]) -> Result<()> {
    let mut order: Vec<&Entry> = entries.iter().collect();
    order.sort_by(|a, b| a.name.cmp(&b.name));
    order.iter().try_for_each(|entry| check(entry))?;
    let plans: Vec<TensorPlan> = order.iter().map(|entry| entry.plan()).collect();
    write_header(&mut out, metadata, &plans)?;
    let mut payloads = order.iter().map(|entry| entry.bytes.as_slice());
    payloads.try_for_each(|bytes| out.write_all(bytes)).map_err(|e| Error::io("safetensors", &e))
}

/// Writes the header of a file whose payloads follow in the order of `plans`, however they come.
///
/// # Errors
/// Those of [`write`].
pub fn write_header<W: Write>(mut out: W, metadata: &[(String, String)], plans: &[TensorPlan]) -> Result<()> {
    let mut header = Map::new();
    if !metadata.is_empty() {
        let pairs = metadata.iter().map(|(key, value)| (key.clone(), Value::String(value.clone())));
        header.insert("__metadata__".into(), Value::Object(pairs.collect()));
    }
    let mut offset = 0;
    for plan in plans {
        let end = offset + bytes(plan)?;
        let tensor = json!({"dtype": plan.dtype.name(), "shape": plan.shape, "data_offsets": [offset, end]});
        if header.insert(plan.name.clone(), tensor).is_some() {
            return Err(Error::new(Kind::Duplicate, field(plan), "each name once", "it a second time"));
        }
        offset = end;
    }
    let mut text = Value::Object(header).to_string();
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    let parts = [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()];
    parts.into_iter().try_for_each(|part| out.write_all(part)).map_err(|e| Error::io("safetensors", &e))
}

fn field(plan: &TensorPlan) -> String {
    format!("tensor `{}`", plan.name)
}

/// The bytes of a tensor's payload.
fn bytes(plan: &TensorPlan) -> Result<u64> {
    if !matches!(plan.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
        return Err(Error::new(Kind::Unsupported, field(plan), "F32, F16 or BF16", plan.dtype));
    }
    let bytes = plan.dtype.bytes_for(element_count(&field(plan), &plan.shape)?);
    bytes
        .ok_or_else(|| Error::new(Kind::Shape, field(plan), "a size of 64 bits", format!("{:?}", plan.shape)))
}

fn check(entry: &Entry) -> Result<()> {
    let plan = entry.plan();
    if bytes(&plan)? == entry.bytes.len() as u64 {
        return Ok(());
    }
    let expected = format!("the bytes of {:?} {}", entry.shape, entry.dtype);
    Err(Error::new(Kind::Shape, field(&plan), expected, entry.bytes.len()))
}
