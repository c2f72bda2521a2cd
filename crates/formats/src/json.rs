//! JSON from outside: size, depth and memory are bounded before anything is built, and keys must be unique.

mod fault;
mod object;
mod strict;
mod wide;

use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny};
use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result};
use crate::limits;
pub(crate) use object::Object;
use strict::Budget;

/// Parses one JSON value of at most `limit` bytes.
///
/// # Errors
/// [`Kind::Limit`] for the size and for what the values take in memory, [`Kind::Encoding`] for a byte-order mark, [`Kind::Duplicate`] for a key that occurs
/// twice in one object, [`Kind::Syntax`] for the rest, including values nested too deeply.
pub fn value(bytes: &[u8], limit: u64) -> Result<Value> {
    value_from(1, bytes, limit, &Budget::new(limits::CONFIG_VALUES_BYTES))
}

fn value_from(first_line: u64, bytes: &[u8], limit: u64, budget: &Budget) -> Result<Value> {
    check_start(bytes, limit)?;
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let parsed = budget.seed().deserialize(&mut text).and_then(|value| text.end().map(|()| value));
    parsed.map_err(|e| {
        if budget.is_spent() {
            Error::new(Kind::Limit, "values", budget.expected(), "more")
        } else {
            fault::refused(&e, "valid JSON", bytes, first_line)
        }
    })
}

/// The same, for a value that must be an object.
///
/// # Errors
/// Those of [`value`]; [`Kind::Type`] for another value.
pub fn object(bytes: &[u8], limit: u64) -> Result<Value> {
    let value = value(bytes, limit)?;
    if value.is_object() { Ok(value) } else { Err(no_object(type_name(&value))) }
}

/// A row of a dataset, whose bytes start at this line of their file.
///
/// # Errors
/// Those of [`object`]; [`Kind::Value`] for an integer of more than 64 bits, which would lose digits.
pub(crate) fn row(first_line: u64, bytes: &[u8]) -> Result<Map<String, Value>> {
    let budget = Budget::new(limits::ROW_VALUES_BYTES);
    let value = value_from(first_line, bytes, limits::ROW_BYTES, &budget)?;
    // Floats of this size are rare: only then are the digits looked at.
    if let Some(digits) = budget.saw_large().then(|| wide::integer(bytes)).flatten() {
        return Err(Error::new(Kind::Value, "row", "integers of at most 64 bits", digits));
    }
    match value {
        Value::Object(row) => Ok(row),
        other => Err(no_object(type_name(&other))),
    }
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
