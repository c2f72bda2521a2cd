//! Writes GGUF version 3: the table first, then payloads one after the other, streamed.

use std::collections::HashSet;
use std::io::Write;

use super::metadata::{Array, Metadata, Value};
use super::strings::Strings;
use super::{DEFAULT_ALIGNMENT, MAGIC};
use crate::dtype::Dtype;
use crate::error::{Error, Kind, Result};
use crate::quants::quantize_into;
use crate::tensor::element_count;

/// One tensor that a file is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorPlan {
    /// Its name.
    pub name: String,
    /// Its shape, outermost dimension first.
    pub shape: Vec<u64>,
    /// How its elements are stored.
    pub dtype: Dtype,
}

impl TensorPlan {
    fn bytes(&self) -> Result<u64> {
        let field = format!("tensor `{}`", self.name);
        let elements = element_count(&field, &self.shape)?;
        let row = self.shape.last().copied().unwrap_or_default();
        let whole = row > 0 && row.is_multiple_of(self.dtype.block_len() as u64);
        self.dtype.bytes_for(elements).filter(|_| whole).ok_or_else(|| {
            let expected = format!("rows of whole {} blocks of {}", self.dtype, self.dtype.block_len());
            Error::new(Kind::Shape, field, expected, format!("{:?}", self.shape))
        })
    }
}

/// A file being written: its header is out, payloads follow in the order of the plan.
#[derive(Debug)]
pub struct GgufWriter<W> {
    out: W,
    plans: Vec<TensorPlan>,
    current: usize,
    /// Bytes of the current payload that are still to come.
    left: u64,
    alignment: u64,
    buffer: Vec<u8>,
}

impl<W: Write> GgufWriter<W> {
    /// Writes header, metadata and table.
    ///
    /// # Errors
    /// [`Kind::Duplicate`], [`Kind::Shape`] or [`Kind::Unsupported`] for a plan that no file can hold, [`Kind::Io`].
    pub fn begin(mut out: W, metadata: &Metadata, plans: Vec<TensorPlan>) -> Result<Self> {
        let alignment = match metadata.get("general.alignment") {
            Some(Value::U32(value)) => *value,
            _ => DEFAULT_ALIGNMENT,
        };
        let header = header(metadata, &plans, alignment.into())?;
        out.write_all(&header).map_err(|e| Error::io("header", &e))?;
        let left = plans.first().map_or(Ok(0), TensorPlan::bytes)?;
        Ok(Self { out, plans, current: 0, left, alignment: alignment.into(), buffer: Vec::new() })
    }

    /// Appends values to the current tensor's payload, in its dtype; whole blocks at a time.
    pub fn write_f32(&mut self, values: &[f32]) -> Result<()> {
        let (dtype, field) = self.current_plan()?;
        let mut bytes = std::mem::take(&mut self.buffer);
        bytes.clear();
        quantize_into(dtype, values, &mut bytes).map_err(|e| e.within(&field))?;
        let written = self.write_bytes(&bytes);
        self.buffer = bytes;
        written
    }

    /// Appends bytes to the current tensor's payload as they are.
    pub fn write_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let (_, field) = self.current_plan()?;
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            let expected = format!("at most {} bytes more", self.left);
            return Err(Error::new(Kind::Shape, field, expected, bytes.len()));
        };
        self.out.write_all(bytes).map_err(|e| Error::io(&field, &e))?;
        self.left = left;
        if left == 0 { self.next() } else { Ok(()) }
    }

    /// Hands the output back, if every payload is complete.
    pub fn finish(mut self) -> Result<W> {
        if let Ok((_, field)) = self.current_plan() {
            let found = format!("{} bytes missing", self.left);
            return Err(Error::new(Kind::Truncated, field, "a whole payload", found));
        }
        self.out.flush().map_err(|e| Error::io("flush", &e))?;
        Ok(self.out)
    }

    fn current_plan(&self) -> Result<(Dtype, String)> {
        let plan = self.plans.get(self.current);
        plan.map(|plan| (plan.dtype, format!("tensor `{}`", plan.name))).ok_or_else(|| {
            Error::new(Kind::Shape, "payload", format!("{} tensors", self.plans.len()), "one more")
        })
    }

    fn next(&mut self) -> Result<()> {
        let bytes = self.plans.get(self.current).map_or(Ok(0), TensorPlan::bytes)?;
        let padding = bytes.next_multiple_of(self.alignment) - bytes;
        self.out.write_all(&vec![0; padding as usize]).map_err(|e| Error::io("padding", &e))?;
        self.current += 1;
        self.left = self.plans.get(self.current).map_or(Ok(0), TensorPlan::bytes)?;
        Ok(())
    }
}

fn header(metadata: &Metadata, plans: &[TensorPlan], alignment: u64) -> Result<Vec<u8>> {
    let mut out = MAGIC.to_vec();
    out.extend(3_u32.to_le_bytes());
    out.extend((plans.len() as u64).to_le_bytes());
    out.extend((metadata.iter().count() as u64).to_le_bytes());
    for (key, value) in metadata.iter() {
        string(&mut out, key);
        put_value(&mut out, value);
    }
    let mut seen = HashSet::new();
    let mut offset = 0;
    for plan in plans {
        if !seen.insert(&plan.name) {
            let field = format!("tensor `{}`", plan.name);
            return Err(Error::new(Kind::Duplicate, field, "each tensor once", "it a second time"));
        }
        put_entry(&mut out, plan, offset);
        offset += plan.bytes()?.next_multiple_of(alignment);
    }
    out.resize(out.len().next_multiple_of(alignment as usize), 0);
    Ok(out)
}

fn put_entry(out: &mut Vec<u8>, plan: &TensorPlan, offset: u64) {
    string(out, &plan.name);
    out.extend((plan.shape.len() as u32).to_le_bytes());
    plan.shape.iter().rev().for_each(|dim| out.extend(dim.to_le_bytes()));
    out.extend(plan.dtype.ggml_id().to_le_bytes());
    out.extend(offset.to_le_bytes());
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::U8(v) => scalar(out, 0, v.to_le_bytes()),
        Value::I8(v) => scalar(out, 1, v.to_le_bytes()),
        Value::U16(v) => scalar(out, 2, v.to_le_bytes()),
        Value::I16(v) => scalar(out, 3, v.to_le_bytes()),
        Value::U32(v) => scalar(out, 4, v.to_le_bytes()),
        Value::I32(v) => scalar(out, 5, v.to_le_bytes()),
        Value::F32(v) => scalar(out, 6, v.to_le_bytes()),
        Value::Bool(v) => scalar(out, 7, [u8::from(*v)]),
        Value::String(v) => {
            out.extend(8_u32.to_le_bytes());
            string(out, v);
        }
        Value::Array(array) => {
            out.extend(9_u32.to_le_bytes());
            put_array(out, array);
        }
        Value::U64(v) => scalar(out, 10, v.to_le_bytes()),
        Value::I64(v) => scalar(out, 11, v.to_le_bytes()),
        Value::F64(v) => scalar(out, 12, v.to_le_bytes()),
    }
}

fn scalar<const N: usize>(out: &mut Vec<u8>, kind: u32, bytes: [u8; N]) {
    out.extend(kind.to_le_bytes());
    out.extend(bytes);
}

fn put_array(out: &mut Vec<u8>, array: &Array) {
    match array {
        Array::U8(v) => elements(out, 0, v, |v| v.to_le_bytes()),
        Array::I8(v) => elements(out, 1, v, |v| v.to_le_bytes()),
        Array::U16(v) => elements(out, 2, v, |v| v.to_le_bytes()),
        Array::I16(v) => elements(out, 3, v, |v| v.to_le_bytes()),
        Array::U32(v) => elements(out, 4, v, |v| v.to_le_bytes()),
        Array::I32(v) => elements(out, 5, v, |v| v.to_le_bytes()),
        Array::F32(v) => elements(out, 6, v, |v| v.to_le_bytes()),
        Array::Bool(v) => elements(out, 7, v, |v| [u8::from(*v)]),
        Array::String(v) => put_strings(out, v),
        Array::U64(v) => elements(out, 10, v, |v| v.to_le_bytes()),
        Array::I64(v) => elements(out, 11, v, |v| v.to_le_bytes()),
        Array::F64(v) => elements(out, 12, v, |v| v.to_le_bytes()),
    }
}

fn elements<T, const N: usize>(out: &mut Vec<u8>, kind: u32, values: &[T], encode: fn(&T) -> [u8; N]) {
    out.extend(kind.to_le_bytes());
    out.extend((values.len() as u64).to_le_bytes());
    out.extend(values.iter().flat_map(encode));
}

fn put_strings(out: &mut Vec<u8>, strings: &Strings) {
    out.extend(8_u32.to_le_bytes());
    out.extend((strings.len() as u64).to_le_bytes());
    strings.iter().for_each(|text| string(out, text));
}
