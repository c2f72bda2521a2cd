//! GGUF's key-value pairs.

use std::io::{Read, Seek};

use super::bytes::Bytes;
use super::strings::{self, Strings};
use crate::error::{Error, Kind, Result};
use crate::limits;

/// A flat array: arrays of arrays are refused.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "each variant is GGUF's value type of that name")]
pub enum Array {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    F32(Vec<f32>),
    Bool(Vec<bool>),
    String(Strings),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F64(Vec<f64>),
}

/// One metadata value.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "each variant is GGUF's value type of that name")]
pub enum Value {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    String(String),
    Array(Array),
    U64(u64),
    I64(i64),
    F64(f64),
}

impl Value {
    /// The value as a non-negative integer, whatever its width.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::U8(v) => Some(v.into()),
            Self::U16(v) => Some(v.into()),
            Self::U32(v) => Some(v.into()),
            Self::U64(v) => Some(v),
            Self::I8(v) => v.try_into().ok(),
            Self::I16(v) => v.try_into().ok(),
            Self::I32(v) => v.try_into().ok(),
            Self::I64(v) => v.try_into().ok(),
            _ => None,
        }
    }

    /// What people call the value's type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::U8(_) | Self::U16(_) | Self::U32(_) | Self::U64(_) => "an unsigned integer",
            Self::I8(_) | Self::I16(_) | Self::I32(_) | Self::I64(_) => "a signed integer",
            Self::F32(_) | Self::F64(_) => "a float",
            Self::Bool(_) => "a boolean",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
        }
    }
}

/// All key-value pairs of a file, in file order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    pairs: Vec<(String, Value)>,
}

impl Metadata {
    /// No pairs.
    pub const fn new() -> Self {
        Self { pairs: Vec::new() }
    }

    /// The pairs, in file order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Adds a pair, or replaces the value that `key` has.
    pub fn set(&mut self, key: impl Into<String>, value: Value) {
        let key = key.into();
        match self.pairs.iter_mut().find(|pair| pair.0 == key) {
            Some(pair) => pair.1 = value,
            None => self.pairs.push((key, value)),
        }
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.pairs.iter().find(|pair| pair.0 == key).map(|pair| &pair.1)
    }

    /// The string under `key`, `None` where the key is absent.
    ///
    /// # Errors
    /// [`Kind::Type`] where it holds something else; so for the other typed getters.
    pub fn string(&self, key: &str) -> Result<Option<&str>> {
        self.typed(key, "a string", |v| if let Value::String(s) = v { Some(s.as_str()) } else { None })
    }

    /// The non-negative integer under `key`.
    pub fn integer(&self, key: &str) -> Result<Option<u64>> {
        self.typed(key, "a non-negative integer", Value::as_u64)
    }

    /// The float under `key`.
    pub fn float(&self, key: &str) -> Result<Option<f64>> {
        self.typed(key, "a float", |v| match *v {
            Value::F32(x) => Some(x.into()),
            Value::F64(x) => Some(x),
            _ => None,
        })
    }

    /// The boolean under `key`.
    pub fn boolean(&self, key: &str) -> Result<Option<bool>> {
        self.typed(key, "a boolean", |v| if let Value::Bool(b) = v { Some(*b) } else { None })
    }

    /// The strings under `key`.
    pub fn strings(&self, key: &str) -> Result<Option<&Strings>> {
        self.typed(key, "an array of strings", |v| match v {
            Value::Array(Array::String(strings)) => Some(strings),
            _ => None,
        })
    }

    /// The floats under `key`.
    pub fn floats(&self, key: &str) -> Result<Option<&[f32]>> {
        self.typed(key, "an array of 32-bit floats", |v| match v {
            Value::Array(Array::F32(floats)) => Some(floats.as_slice()),
            _ => None,
        })
    }

    /// The 32-bit integers under `key`, signed or not.
    pub fn integers(&self, key: &str) -> Result<Option<Vec<i64>>> {
        self.typed(key, "an array of 32-bit integers", |v| match v {
            Value::Array(Array::I32(ints)) => Some(ints.iter().map(|i| i64::from(*i)).collect()),
            Value::Array(Array::U32(ints)) => Some(ints.iter().map(|i| i64::from(*i)).collect()),
            _ => None,
        })
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        expected: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let wrong = || Error::new(Kind::Type, format!("`{key}`"), expected, value.type_name());
        read(value).map(Some).ok_or_else(wrong)
    }
}

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
    Ok(Metadata { pairs })
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
