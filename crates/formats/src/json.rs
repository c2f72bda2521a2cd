//! JSON from outside: size and depth are bounded before anything is built, and keys must be unique.

mod fault;
mod object;

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::error::{Error, Kind, Result};
use crate::limits;
pub(crate) use object::Object;

/// Parses one JSON value of at most `limit` bytes.
///
/// # Errors
/// [`Kind::Limit`] for the size, [`Kind::Encoding`] for a byte-order mark, [`Kind::Duplicate`] for a key that occurs
/// twice in one object, [`Kind::Syntax`] for the rest, including values nested too deeply.
pub fn value(bytes: &[u8], limit: u64) -> Result<Value> {
    value_from(1, bytes, limit)
}

fn value_from(first_line: u64, bytes: &[u8], limit: u64) -> Result<Value> {
    check_start(bytes, limit)?;
    let parsed = serde_json::from_slice::<Strict>(bytes);
    parsed.map(|strict| strict.0).map_err(|e| fault::refused(&e, "valid JSON", bytes, first_line))
}

/// The same, for a value that must be an object.
///
/// # Errors
/// Those of [`value`]; [`Kind::Type`] for another value.
pub fn object(bytes: &[u8], limit: u64) -> Result<Value> {
    object_from(1, bytes, limit)
}

/// The same, where `bytes` start at a later line of their file.
pub(crate) fn object_from(first_line: u64, bytes: &[u8], limit: u64) -> Result<Value> {
    let value = value_from(first_line, bytes, limit)?;
    if value.is_object() { Ok(value) } else { Err(no_object(type_name(&value))) }
}

/// An object of a known form, read without building a [`Value`]; `expected` names it.
///
/// # Errors
/// Those of [`object`]; [`Kind::Syntax`] for an object of another form.
pub(crate) fn typed<'t, T: Deserialize<'t>>(bytes: &'t [u8], limit: u64, expected: &str) -> Result<T> {
    check_start(bytes, limit)?;
    let read = serde_json::from_slice::<Object<T>>(bytes);
    read.map(|object| object.0).map_err(|error| match other_value(bytes) {
        Some(found) => no_object(found),
        None => fault::refused(&error, expected, bytes, 1),
    })
}

fn check_start(bytes: &[u8], limit: u64) -> Result<()> {
    if bytes.len() as u64 > limit {
        return Err(Error::new(Kind::Limit, "size", format!("at most {limit} bytes"), bytes.len()));
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        let (expected, found) = ("JSON without a byte-order mark", "a byte-order mark");
        return Err(Error::new(Kind::Encoding, "start", expected, found));
    }
    Ok(())
}

fn no_object(found: &str) -> Error {
    Error::new(Kind::Type, "", "a JSON object", found)
}

/// What a JSON text is that is valid, but no object.
fn other_value(bytes: &[u8]) -> Option<&'static str> {
    let found = match bytes.trim_ascii_start().first()? {
        b'[' => "an array",
        b'"' => "a string",
        b'-' | b'0'..=b'9' => "a number",
        b't' | b'f' => "a boolean",
        b'n' => "null",
        _ => return None,
    };
    serde_json::from_slice::<IgnoredAny>(bytes).ok().map(|_| found)
}

/// What people call a JSON value's type.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A value in which no object has a key twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        Depth(0).deserialize(d).map(Self)
    }
}

/// How deep the value at hand lies.
#[derive(Clone, Copy)]
struct Depth(usize);

impl Depth {
    fn deeper<E: serde::de::Error>(self) -> std::result::Result<Self, E> {
        let limit = limits::JSON_DEPTH;
        if self.0 < limit {
            Ok(Self(self.0 + 1))
        } else {
            Err(E::custom(format_args!("more than {limit} nested values")))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> std::result::Result<Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, v: bool) -> std::result::Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> std::result::Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> std::result::Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_f64<E>(self, v: f64) -> std::result::Result<Value, E> {
        Ok(Number::from_f64(v).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, v: &str) -> std::result::Result<Value, E> {
        Ok(Value::String(v.into()))
    }

    fn visit_string<E>(self, v: String) -> std::result::Result<Value, E> {
        Ok(Value::String(v))
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if items.contains_key(&key) {
                return Err(serde::de::Error::custom(format_args!("duplicate key `{key}`")));
            }
            items.insert(key, map.next_value_seed(inner)?);
        }
        Ok(Value::Object(items))
    }
}
