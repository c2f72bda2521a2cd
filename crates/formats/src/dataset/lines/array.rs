//! The elements of a JSON array.

use std::io::{Read, Seek};

use super::{Layout, Rows};
use crate::error::{Kind, Result};

impl<R: Read + Seek> Rows<R> {
    /// One element of the array: up to a comma or the closing bracket outside of strings and brackets.
    pub(super) fn element(&mut self) -> Result<Option<Vec<u8>>> {
        let line = self.line;
        let mut row = Vec::new();
        let (mut depth, mut quoted, mut escaped) = (0_u64, false, false);
        while let Some(byte) = self.byte()? {
            if !self.started {
                self.started = byte == b'[';
                continue;
            }
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ if quoted => {}
                b'{' | b'[' => depth += 1,
                b',' if depth == 0 => return self.not_blank(row, line).map(Some),
                b']' if depth == 0 && self.count > 0 => {
                    let row = self.not_blank(row, line)?;
                    return self.closed(row);
                }
                b']' if depth == 0 => return self.closed(row),
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            row.push(byte);
            self.check_len(&row, line)?;
        }
        if row.iter().all(u8::is_ascii_whitespace) && self.layout == Layout::Lines {
            return Ok(None);
        }
        Err(self.error(Kind::Truncated, line, "the array's closing bracket", "the file's end"))
    }

    /// Where there are commas there are elements.
    fn not_blank(&self, row: Vec<u8>, line: u64) -> Result<Vec<u8>> {
        if row.iter().all(u8::is_ascii_whitespace) {
            return Err(self.error(Kind::Syntax, line, "an element on either side of a comma", "none"));
        }
        Ok(row)
    }

    /// After the closing bracket only space may follow.
    fn closed(&mut self, row: Vec<u8>) -> Result<Option<Vec<u8>>> {
        while let Some(byte) = self.byte()? {
            if !byte.is_ascii_whitespace() {
                return Err(self.error(Kind::Syntax, self.line, "nothing after the array", char::from(byte)));
            }
        }
        self.layout = Layout::Lines;
        Ok(Some(row))
    }
}
