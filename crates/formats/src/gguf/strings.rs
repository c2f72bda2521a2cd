//! Lists of strings: vocabularies and merges.

use std::io::{Read, Seek};

use super::bytes::Bytes;
use crate::error::Result;
use crate::limits;

/// Strings one after the other in one buffer: a vocabulary costs its text and four bytes a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strings {
    text: String,
    ends: Vec<u32>,
}

impl Strings {
    /// A copy of strings, no larger than they are.
    pub(crate) fn copied<'s>(strings: impl Iterator<Item = &'s str> + Clone) -> Self {
        let bytes = strings.clone().map(str::len).sum();
        let mut out =
            Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(strings.clone().count()) };
        strings.for_each(|string| out.push(string));
        out
    }

    /// How many strings there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// String number `index`.
    pub fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |e| *e as usize);
        self.text.get(start..end)
    }

    /// Adds a string at the end.
    pub fn push(&mut self, string: &str) {
        grow(&mut self.text, string.len());
        self.text.push_str(string);
        self.ends.push(self.text.len() as u32);
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl<S: AsRef<str>> FromIterator<S> for Strings {
    fn from_iter<I: IntoIterator<Item = S>>(strings: I) -> Self {
        let mut out = Self::default();
        strings.into_iter().for_each(|string| out.push(string.as_ref()));
        out
    }
}

/// Grows by an eighth, not by doubling: a vocabulary must not cost twice its size.
pub(super) fn grow(text: &mut String, more: usize) {
    if text.capacity() - text.len() < more {
        text.reserve_exact(more.max(text.len() / 8));
    }
}

/// Reads `len` strings.
pub(super) fn read<R: Read + Seek>(bytes: &mut Bytes<'_, R>, field: &str, len: usize) -> Result<Strings> {
    let mut out = Strings { text: String::new(), ends: Vec::with_capacity(len) };
    for _ in 0..len {
        let before = out.text.len();
        bytes.string_into(field, limits::STRING_BYTES, &mut out.text)?;
        bytes.spend(field, (out.text.len() - before) as u64)?;
        out.ends.push(out.text.len() as u32);
    }
    Ok(out)
}
