//! The records of a table.

use std::io::{Read, Seek};

use super::{Grown, Rows};
use crate::error::{Kind, Result};

impl<R: Read + Seek> Rows<R> {
    /// A record of a table: up to a newline outside of quotes, which open only where a field starts.
    pub(super) fn record(&mut self, separator: u8) -> Result<Option<Grown>> {
        let mut row = Grown::new(self.line);
        let (mut quoted, mut may_open) = (false, true);
        while let Some(byte) = self.byte()? {
            if byte != b'\n' && !quoted && row.last() == Some(b'\r') {
                let found = "a carriage return alone, as old Macs wrote them";
                return Err(self.error(
                    Kind::Syntax,
                    Self::line(row.line),
                    "lines that end with a line feed",
                    found,
                ));
            }
            match byte {
                // A second quote behind this one stands for a quote, and the field goes on.
                b'"' if quoted => (quoted, may_open) = (false, true),
                b'"' => quoted = may_open,
                b'\n' if !quoted => {
                    row.pop_return();
                    return Ok(Some(row));
                }
                _ => may_open = byte == separator,
            }
            row.push(byte);
        }
        if quoted {
            return Err(self.error(Kind::Syntax, Self::line(row.line), "a closing quote", "the file's end"));
        }
        row.pop_return();
        Ok(Some(row).filter(|row| !row.is_empty()))
    }
}
