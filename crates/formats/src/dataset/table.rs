//! CSV and TSV: a header, then records with as many fields, quoted as in RFC 4180.

use std::collections::HashSet;
use std::io::{Read, Seek};

use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result};
use crate::source::Source;

/// What a `.csv` file parts its fields with: a comma, or where its first line has none, a semicolon, as spreadsheets write
/// in countries that write numbers with commas, or a tab.
pub(super) fn separator<R: Read + Seek>(source: &mut Source<R>) -> Result<u8> {
    let mut head = [0; 4096];
    let head = head.get_mut(..source.len().min(4096) as usize).unwrap_or_default();
    source.read_at(0, head)?;
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok([b',', b';', b'\t'].into_iter().find(|separator| line.contains(separator)).unwrap_or(b','))
}

/// The fields of one record.
pub(super) fn fields(record: &str, separator: char) -> Result<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = record;
    loop {
        let (field, behind) = if let Some(quoted) = rest.strip_prefix('"') {
            unquote(quoted)?
        } else {
            let (field, behind) = rest.split_at(rest.find(separator).unwrap_or(rest.len()));
            (field.to_owned(), behind)
        };
        fields.push(field);
        match behind.strip_prefix(separator) {
            Some(next) => rest = next,
            None if behind.is_empty() => return Ok(fields),
            None => {
                return Err(Error::new(Kind::Syntax, "record", "a separator after a quoted field", behind));
            }
        }
    }
}

/// A quoted field without its quotes, and what is behind it.
fn unquote(quoted: &str) -> Result<(String, &str)> {
    let mut field = String::new();
    let mut rest = quoted;
    loop {
        let Some((text, behind)) = rest.split_once('"') else {
            return Err(Error::new(Kind::Syntax, "record", "a closing quote", "the record's end"));
        };
        field.push_str(text);
        match behind.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Ok((field, behind)),
        }
    }
}

/// A record under the header's names.
pub(super) fn object(header: &[String], fields: Vec<String>) -> Result<Map<String, Value>> {
    if fields.len() != header.len() {
        let expected = format!("{} fields, as in the header", header.len());
        return Err(Error::new(Kind::Mismatch, "record", expected, fields.len()));
    }
    Ok(header.iter().cloned().zip(fields.into_iter().map(Value::String)).collect())
}

/// Refuses a header that names a column twice.
pub(super) fn header(fields: Vec<String>) -> Result<Vec<String>> {
    let names: Vec<String> = fields.into_iter().map(|name| name.trim().to_owned()).collect();
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(name) => {
            Err(Error::new(Kind::Duplicate, "header", "each column once", format!("`{name}` twice")))
        }
        None => Ok(names),
    }
}
