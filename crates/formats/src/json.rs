//! JSON from outside: size and depth are bounded before anything is built, and keys must be unique.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::error::{Error, Kind, Result};
use crate::limits;

/// Parses one JSON value of at most `limit` bytes.
///
/// # Errors
/// [`Kind::Limit`] for the size, [`Kind::Encoding`] for a byte-order mark, [`Kind::Duplicate`] for a key that occurs
/// twice in one object, [`Kind::Syntax`] for the rest, including values nested too deeply.
pub fn value(bytes: &[u8], limit: u64) -> Result<Value> {
    if bytes.len() as u64 > limit {
        return Err(Error::new(Kind::Limit, "size", format!("at most {limit} bytes"), bytes.len()));
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(Error::new(
            Kind::Encoding,
            "start",
            "JSON without a byte-order mark",
            "a byte-order mark",
        ));
    }
    serde_json::from_slice::<Strict>(bytes).map(|strict| strict.0).map_err(|e| refused(&e, bytes))
}

/// The same, for a value that must be an object.
pub fn object(bytes: &[u8], limit: u64) -> Result<Value> {
    let value = value(bytes, limit)?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(Error::new(Kind::Type, "", "a JSON object", type_name(&value)))
    }
}

fn refused(error: &serde_json::Error, bytes: &[u8]) -> Error {
    let text = error.to_string();
    let kind = if text.starts_with("duplicate key") { Kind::Duplicate } else { Kind::Syntax };
    let binary = bytes.first().is_some_and(|b| !b.is_ascii_graphic() && !b.is_ascii_whitespace());
    let found = if binary { crate::sniff::describe(bytes) } else { text };
    Error::new(kind, "", "valid JSON", found)
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
