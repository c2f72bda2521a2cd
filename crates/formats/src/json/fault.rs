//! What a parser found wrong, in words of ours with its own behind.

use serde_json::error::Category;

use crate::error::{Error, Kind};

/// A refusal of `text`, which starts at this line of its file: what was found there, and where.
pub(super) fn refused(error: &serde_json::Error, expected: &str, text: &[u8], first_line: u64) -> Error {
    let binary = text.first().is_some_and(|b| !b.is_ascii_graphic() && !b.is_ascii_whitespace());
    if binary || crate::sniff::stand_in(text).is_some() {
        return Error::new(Kind::Syntax, "", expected, crate::sniff::describe(text));
    }
    let (words, place) = (words(error), place(error, text, first_line));
    let twice = ["duplicate key", "duplicate field"].iter().any(|start| words.contains(start));
    // Refusals of our own readers are sentences already.
    if twice || words.contains("more than ") {
        let kind = if twice { Kind::Duplicate } else { Kind::Syntax };
        return Error::new(kind, "", expected, format!("{words} {place}"));
    }
    let what = match error.classify() {
        Category::Eof => "a text that ends too early,",
        Category::Data if words.contains("missing field") => "an object that lacks a field,",
        Category::Data => "a value that does not belong there,",
        Category::Syntax | Category::Io => "a mistake",
    };
    Error::new(Kind::Syntax, "", expected, format!("{what} {place} ({words})"))
}

/// What the parser says, without the place.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((words, _)) if error.line() > 0 => words.to_owned(),
        _ => text,
    }
}

/// A text of one line has columns only: its line in the file is named elsewhere, or there is no other.
fn place(error: &serde_json::Error, text: &[u8], first_line: u64) -> String {
    let (line, column) = (error.line() as u64, error.column());
    if text.contains(&b'\n') {
        format!("at line {}, column {column}", first_line.saturating_add(line).saturating_sub(1))
    } else {
        format!("at column {column}")
    }
}
