//! The elements of a JSON array, and objects that are spread over lines.

use std::io::{Read, Seek};

use super::{Grown, Layout, Position, Rows};
use crate::error::{Kind, Result};

/// Where in a JSON value a byte stands.
#[derive(Default)]
struct Place {
    depth: u64,
    quoted: bool,
    escaped: bool,
}

impl Place {
    /// Takes the next byte in; whether it stands outside of texts and of all brackets, before it opens or closes one.
    fn outside(&mut self, byte: u8) -> bool {
        let outside = self.depth == 0 && !self.quoted;
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.quoted => self.escaped = true,
            b'"' => self.quoted = !self.quoted,
            _ if self.quoted => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        outside
    }
}

impl<R: Read + Seek> Rows<R> {
    /// One element of the array: up to a comma or the closing bracket outside of strings and brackets.
    pub(super) fn element(&mut self) -> Result<Option<Grown>> {
        let mut row = Grown::new(self.line);
        let mut place = Place::default();
        while let Some(byte) = self.byte()? {
            if !self.started {
                self.started = byte == b'[';
                continue;
            }
            if row.is_empty() {
                row.line = self.line;
                if byte.is_ascii_whitespace() {
                    continue;
                }
            }
            let outside = place.outside(byte);
            match byte {
                b',' if outside => return self.not_blank(row).map(Some),
                b']' if outside && self.count > 0 => {
                    let row = self.not_blank(row)?;
                    return self.closed(row);
                }
                b']' if outside => return self.closed(row),
                _ => {}
            }
            row.push(byte);
        }
        let at = self.element_at(row.line);
        Err(self.error(Kind::Truncated, at, "the array's closing bracket", "the file's end"))
    }

    /// One object, up to the brace that closes it.
    pub(super) fn spread_object(&mut self) -> Result<Option<Grown>> {
        let mut row = Grown::new(self.line);
        let mut place = Place::default();
        while let Some(byte) = self.byte()? {
            if row.is_empty() {
                row.line = self.line;
                if byte.is_ascii_whitespace() {
                    continue;
                }
                if byte != b'{' {
                    let found = char::from(byte).to_string();
                    let at = Self::line(row.line);
                    return Err(self.error(Kind::Syntax, at, "an object or the file's end", found));
                }
            }
            place.outside(byte);
            row.push(byte);
            if place.depth == 0 && !place.quoted {
                return Ok(Some(row));
            }
        }
        if row.is_empty() {
            return Ok(None);
        }
        Err(self.error(Kind::Truncated, Self::line(row.line), "the object's closing brace", "the file's end"))
    }

    /// The place of the element that is being read.
    fn element_at(&self, line: u64) -> Position {
        Position { line, row: Some(self.count as u64 + 1) }
    }

    /// Where there are commas there are elements.
    fn not_blank(&self, row: Grown) -> Result<Grown> {
        if row.is_empty() {
            let at = self.element_at(row.line);
            return Err(self.error(Kind::Syntax, at, "an element on either side of a comma", "none"));
        }
        Ok(row)
    }

    /// After the closing bracket only space may follow.
    fn closed(&mut self, row: Grown) -> Result<Option<Grown>> {
        while let Some(byte) = self.byte()? {
            if !byte.is_ascii_whitespace() {
                let at = Self::line(self.line);
                return Err(self.error(Kind::Syntax, at, "nothing after the array", char::from(byte)));
            }
        }
        self.layout = Layout::Lines;
        Ok(Some(row))
    }
}
