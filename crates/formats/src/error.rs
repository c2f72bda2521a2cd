//! One error type for everything that comes from outside.

use std::fmt;

/// What went wrong, for code that decides by it; the sentence for a person is the [`Error`]'s `Display`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The file ends before the field does.
    Truncated,
    /// The first bytes belong to another kind of file.
    Magic,
    /// A version of the format that is not read here.
    Version,
    /// A count, length or size over the cap in [`crate::limits`].
    Limit,
    /// A name that occurs twice.
    Duplicate,
    /// A value of another type than the field has.
    Type,
    /// A value outside the field's range.
    Value,
    /// Bytes that are not UTF-8, or text that is not in the stated encoding.
    Encoding,
    /// Text that does not parse.
    Syntax,
    /// An offset that is misaligned, overlapping or outside the file.
    Offset,
    /// A tensor of another shape than expected.
    Shape,
    /// Something legal that Smolder does not read.
    Unsupported,
    /// A field, file or tensor that must be there and is not.
    Missing,
    /// Two parts that do not belong together.
    Mismatch,
    /// A computation that was stopped for its cost.
    Cost,
    /// The operating system or the browser refused the read or the write.
    Io,
}

/// A refusal: which file, which field, what was expected and what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", Sentence(self))]
pub struct Error {
    /// The file's name, or empty where the bytes have none.
    pub file: String,
    /// The field, tensor, key or line.
    pub field: String,
    /// The class of the problem.
    pub kind: Kind,
    /// What the format asks for here.
    pub expected: String,
    /// What the file holds instead.
    pub found: String,
}

/// Results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error about `field`, not yet in any file.
    pub fn new(
        kind: Kind,
        field: impl Into<String>,
        expected: impl Into<String>,
        found: impl fmt::Display,
    ) -> Self {
        // What is expected can name what a file has, such as its columns, or list all that is known.
        let (field, expected) = (shorten(&field.into(), 120), shorten(&expected.into(), 600));
        Self { file: String::new(), field, kind, expected, found: shorten(&found.to_string(), 120) }
    }

    /// The same error, naming the file unless an inner reader already did.
    #[must_use]
    pub fn in_file(mut self, file: &str) -> Self {
        if self.file.is_empty() {
            // An index names files too.
            self.file = printable(file);
        }
        self
    }

    /// The same error with `outer` before the field: `outer: field`.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        let whole = if self.field.is_empty() { outer.into() } else { format!("{outer}: {}", self.field) };
        self.field = shorten(&whole, 240);
        self
    }

    /// A read or write that the system refused.
    pub fn io(field: impl Into<String>, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{NotFound, UnexpectedEof};
        match error.kind() {
            NotFound => Self::new(Kind::Missing, field, "one that is there", "none"),
            UnexpectedEof => Self::new(Kind::Truncated, field, "readable bytes", "the file's end"),
            _ => Self::new(Kind::Io, field, "readable bytes", error),
        }
    }
}

/// Input can carry names of megabytes; a sentence for a person cannot.
fn shorten(text: &str, shown: usize) -> String {
    let mut out: String = text.chars().take(shown).flat_map(visible).collect();
    if text.chars().nth(shown).is_some() {
        out.push('…');
    }
    out
}

/// Text from a file for a terminal: control and invisible characters are escaped.
pub fn printable(text: &str) -> String {
    text.chars().flat_map(visible).collect()
}

fn visible(c: char) -> impl Iterator<Item = char> {
    let hidden = c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    let (escaped, plain) = if hidden { (Some(c.escape_default()), None) } else { (None, Some(c)) };
    escaped.into_iter().flatten().chain(plain)
}

struct Sentence<'a>(&'a Error);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error { file, field, expected, found, .. } = self.0;
        if !file.is_empty() {
            write!(f, "{file}: ")?;
        }
        if !field.is_empty() {
            write!(f, "{field}: ")?;
        }
        write!(f, "expected {expected}, found {found}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The system's own words have a number in them, and no file.
    #[test]
    fn a_file_that_is_not_there_is_missing() {
        let error = Error::io("file", &std::io::ErrorKind::NotFound.into()).in_file("m-00002-of-00002.gguf");
        assert_eq!(error.kind, Kind::Missing);
        assert_eq!(error.to_string(), "m-00002-of-00002.gguf: file: expected one that is there, found none");
    }
}
