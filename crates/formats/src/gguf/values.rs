//! Key-value pairs as they lie in the file.

use std::io::{Read, Seek};

use super::bytes::Bytes;
use super::metadata::{Array, Metadata, Value};
use super::strings;
use crate::error::{Error, Kind, Result};
use crate::limits;

/// Reads `count` pairs.
pub(super) fn read_pairs<R: Read + Seek>(bytes: &mut Bytes<'_, R>, count: u64) -> Result<Metadata> {
    let mut pairs: Vec<(String, Value)> = Vec::with_capacity(count as usize);
    let mut seen = std::collections::HashSet::new();
    for index in 0..count {
        let key = bytes.string(&format!("key {index} of {count}"), limits::NAME_BYTES)?;
        let field = format!("`{key}`");
        if !seen.insert(key.clone()) {
            return Err(Error::new(Kind::Duplicate, field, "each key once", "it a second time"));
        }
        let kind = bytes.u32(&field)?;
        let value = read_value(bytes, &field, kind)?;
        pairs.push((key, value));
    }
    Ok(Metadata::of(pairs))
}

fn read_value<R: Read + Seek>(bytes: &mut Bytes<'_, R>, field: &str, kind: u32) -> Result<Value> {
    Ok(match kind {
        0 => Value::U8(u8::from_le_bytes(bytes.array(field)?)),
        1 => Value::I8(i8::from_le_bytes(bytes.array(field)?)),
        2 => Value::U16(u16::from_le_bytes(bytes.array(field)?)),
        3 => Value::I16(i16::from_le_bytes(bytes.array(field)?)),
        4 => Value::U32(bytes.u32(field)?),
        5 => Value::I32(i32::from_le_bytes(bytes.array(field)?)),
        6 => Value::F32(f32::from_le_bytes(bytes.array(field)?)),
        7 => Value::Bool(boolean(field, u8::from_le_bytes(bytes.array(field)?))?),
        8 => {
            let text = bytes.string(field, limits::STRING_BYTES)?;
            bytes.spend(field, text.len() as u64)?;
            Value::String(text)
        }
        9 => Value::Array(read_array(bytes, field)?),
        10 => Value::U64(bytes.u64(field)?),
        11 => Value::I64(i64::from_le_bytes(bytes.array(field)?)),
        12 => Value::F64(f64::from_le_bytes(bytes.array(field)?)),
        other => return Err(Error::new(Kind::Type, field, "a value type from 0 to 12", other)),
    })
}

fn boolean(field: &str, byte: u8) -> Result<bool> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Error::new(Kind::Value, field, "a boolean, 0 or 1", other)),
    }
}

/// The smallest number of bytes that one element of this value type takes.
fn element_bytes(kind: u32) -> Option<u64> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        8 | 10..=12 => 8,
        _ => return None,
    })
}

fn read_array<R: Read + Seek>(bytes: &mut Bytes<'_, R>, field: &str) -> Result<Array> {
    let kind = bytes.u32(field)?;
    let len = bytes.u64(field)?;
    if kind == 9 {
        return Err(Error::new(Kind::Unsupported, field, "a flat array", "an array of arrays"));
    }
    let size = element_bytes(kind)
        .ok_or_else(|| Error::new(Kind::Type, field, "an element type from 0 to 12", kind))?;
    if len > limits::ARRAY_LEN {
        let expected = format!("at most {} elements", limits::ARRAY_LEN);
        return Err(Error::new(Kind::Limit, field, expected, len));
    }
    bytes.require(field, len * size)?;
    bytes.spend(field, len * size)?;
    let n = len as usize;
    Ok(match kind {
        0 => Array::U8(numbers(bytes, field, n, u8::from_le_bytes)?),
        1 => Array::I8(numbers(bytes, field, n, i8::from_le_bytes)?),
        2 => Array::U16(numbers(bytes, field, n, u16::from_le_bytes)?),
        3 => Array::I16(numbers(bytes, field, n, i16::from_le_bytes)?),
        4 => Array::U32(numbers(bytes, field, n, u32::from_le_bytes)?),
        5 => Array::I32(numbers(bytes, field, n, i32::from_le_bytes)?),
        6 => Array::F32(numbers(bytes, field, n, f32::from_le_bytes)?),
        7 => Array::Bool(
            numbers(bytes, field, n, u8::from_le_bytes)?
                .into_iter()
                .map(|b| boolean(field, b))
                .collect::<Result<_>>()?,
        ),
        8 => Array::String(strings::read(bytes, field, n)?),
        10 => Array::U64(numbers(bytes, field, n, u64::from_le_bytes)?),
        11 => Array::I64(numbers(bytes, field, n, i64::from_le_bytes)?),
        _ => Array::F64(numbers(bytes, field, n, f64::from_le_bytes)?),
    })
}

fn numbers<R: Read + Seek, T, const N: usize>(
    bytes: &mut Bytes<'_, R>,
    field: &str,
    len: usize,
    decode: fn([u8; N]) -> T,
) -> Result<Vec<T>> {
    let mut out = Vec::with_capacity(len);
    let mut buffer = [0; 1 << 12];
    while out.len() < len {
        let take = ((len - out.len()) * N).min(buffer.len() / N * N);
        let part = buffer.get_mut(..take).unwrap_or_default();
        bytes.fill(field, part)?;
        out.extend(part.as_chunks().0.iter().map(|element| decode(*element)));
    }
    Ok(out)
}
