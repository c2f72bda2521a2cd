//! Where in a file a row is.

use std::fmt;

/// A row's place, for people: a row of a JSON array is named by its number, since all of them may lie in one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line that it starts at, from 1.
    pub line: u64,
    /// Which row of the array it is, from 1; `None` outside of one.
    pub row: Option<u64>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { line, row: None } => write!(f, "line {line}"),
            Self { line: 1, row: Some(row) } => write!(f, "row {row}"),
            Self { line, row: Some(row) } => write!(f, "row {row}, line {line}"),
        }
    }
}
