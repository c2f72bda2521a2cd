//! Cuts a file into rows without holding more than one: lines, or the elements of a JSON array.

use std::io::{BufRead, BufReader, Read, Seek};

use crate::error::{Error, Kind, Result};
use crate::limits;
use crate::source::Source;

/// How a file holds its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// A row a line.
    Lines,
    /// One JSON array.
    Array,
    /// Records that quotes may stretch over lines, of fields with this byte between them.
    Quoted(u8),
}

/// A file's bytes in order, counted.
#[derive(Debug)]
pub(super) struct Rows<R: Read> {
    reader: BufReader<R>,
    name: String,
    layout: Layout,
    stated_len: u64,
    read: u64,
    /// The line that the next row starts at, from 1.
    line: u64,
    count: usize,
    started: bool,
}

impl<R: Read + Seek> Rows<R> {
    /// Looks at the start of the file; a table has a separator.
    ///
    /// # Errors
    /// [`Kind::Magic`] for archives and other binaries, [`Kind::Encoding`] for UTF-16.
    pub(super) fn new(mut source: Source<R>, separator: Option<u8>) -> Result<Self> {
        let (name, stated_len) = (source.name().to_owned(), source.len());
        let mut head = [0; 16];
        let len = stated_len.min(16) as usize;
        let head = head.get_mut(..len).unwrap_or_default();
        source.read_at(0, head)?;
        check_text(head).map_err(|e| e.in_file(&name))?;
        let skip = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let layout = match separator {
            Some(separator) => Layout::Quoted(separator),
            None if first_byte(&mut source, skip)? == Some(b'[') => Layout::Array,
            None => Layout::Lines,
        };
        source.at(skip)?;
        let reader = BufReader::with_capacity(1 << 16, source.into_inner());
        Ok(Self { reader, name, layout, stated_len, read: skip, line: 1, count: 0, started: false })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Bytes read so far, of how many.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.read, self.stated_len)
    }

    /// The next row that is not blank, with the line it starts at.
    pub(super) fn next_row(&mut self) -> Result<Option<(u64, Vec<u8>)>> {
        loop {
            let line = self.line;
            let row = match self.layout {
                Layout::Lines => self.until_newline()?,
                Layout::Array => self.element()?,
                Layout::Quoted(separator) => self.record(separator)?,
            };
            let Some(row) = row else { return self.end().map(|()| None) };
            // Blank fields are fields.
            let table = matches!(self.layout, Layout::Quoted(_));
            if row.is_empty() || (!table && row.iter().all(u8::is_ascii_whitespace)) {
                continue;
            }
            self.count += 1;
            if self.count > limits::ROWS {
                return Err(self.error(Kind::Limit, line, format!("at most {} rows", limits::ROWS), "more"));
            }
            return Ok(Some((line, row)));
        }
    }

    fn error(
        &self,
        kind: Kind,
        line: u64,
        expected: impl Into<String>,
        found: impl std::fmt::Display,
    ) -> Error {
        Error::new(kind, format!("line {line}"), expected, found).in_file(&self.name)
    }

    /// At the end all bytes must have been seen.
    fn end(&self) -> Result<()> {
        if self.read == self.stated_len {
            return Ok(());
        }
        let found = format!("{} bytes: the file changed while it was read", self.read);
        Err(self.error(Kind::Mismatch, self.line, format!("{} bytes", self.stated_len), found))
    }

    fn byte(&mut self) -> Result<Option<u8>> {
        let buffer = self.reader.fill_buf().map_err(|e| Error::io("row", &e).in_file(&self.name))?;
        let Some(byte) = buffer.first().copied() else { return Ok(None) };
        self.reader.consume(1);
        self.read += 1;
        self.line += u64::from(byte == b'\n');
        Ok(Some(byte))
    }

    fn check_len(&self, row: &[u8], line: u64) -> Result<()> {
        if row.len() as u64 > limits::ROW_BYTES {
            let expected = format!("rows of at most {} bytes", limits::ROW_BYTES);
            return Err(self.error(Kind::Limit, line, expected, "a longer one"));
        }
        Ok(())
    }

    fn until_newline(&mut self) -> Result<Option<Vec<u8>>> {
        let line = self.line;
        let mut row = Vec::new();
        let limit = limits::ROW_BYTES + 2;
        let taken = Read::take(&mut self.reader, limit).read_until(b'\n', &mut row);
        let taken = taken.map_err(|e| Error::io("row", &e).in_file(&self.name))?;
        self.read += taken as u64;
        if taken == 0 {
            return Ok(None);
        }
        if row.pop_if(|byte| *byte == b'\n').is_some() {
            self.line += 1;
        }
        row.pop_if(|byte| *byte == b'\r');
        self.check_len(&row, line)?;
        Ok(Some(row))
    }

    /// One element of the array: up to a comma or the closing bracket outside of strings and brackets.
    fn element(&mut self) -> Result<Option<Vec<u8>>> {
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

    /// A record of a table: up to a newline outside of quotes, which open only where a field starts.
    fn record(&mut self, separator: u8) -> Result<Option<Vec<u8>>> {
        let line = self.line;
        let mut row = Vec::new();
        let (mut quoted, mut may_open) = (false, true);
        while let Some(byte) = self.byte()? {
            if byte != b'\n' && !quoted && row.last() == Some(&b'\r') {
                let found = "a carriage return alone, as old Macs wrote them";
                return Err(self.error(Kind::Syntax, line, "lines that end with a line feed", found));
            }
            match byte {
                // A second quote behind this one stands for a quote, and the field goes on.
                b'"' if quoted => (quoted, may_open) = (false, true),
                b'"' => quoted = may_open,
                b'\n' if !quoted => {
                    row.pop_if(|byte| *byte == b'\r');
                    return Ok(Some(row));
                }
                _ => may_open = byte == separator,
            }
            row.push(byte);
            self.check_len(&row, line)?;
        }
        if quoted {
            return Err(self.error(Kind::Syntax, line, "a closing quote", "the file's end"));
        }
        row.pop_if(|byte| *byte == b'\r');
        Ok(Some(row).filter(|row| !row.is_empty()))
    }
}

/// The first byte that is no space.
fn first_byte<R: Read + Seek>(source: &mut Source<R>, from: u64) -> Result<Option<u8>> {
    let mut at = from;
    while at < source.len() {
        let mut part = [0; 4096];
        // Most files show it at once, and a short one may be shorter than it says.
        let most = if at == from { 13 } else { 4096 };
        let part = part.get_mut(..(source.len() - at).min(most) as usize).unwrap_or_default();
        source.read_at(at, part)?;
        if let Some(byte) = part.iter().find(|byte| !byte.is_ascii_whitespace()) {
            return Ok(Some(*byte));
        }
        at += part.len() as u64;
    }
    Ok(None)
}

fn check_text(head: &[u8]) -> Result<()> {
    let starts = |magic: &&[u8]| head.starts_with(magic);
    let magics: [&[u8]; 8] = [
        b"PK\x03\x04",
        b"\x1f\x8b",
        b"BZh",
        b"7z\xbc\xaf",
        b"\xfd7zX",
        b"\x28\xb5\x2f\xfd",
        b"PAR1",
        b"GGUF",
    ];
    if magics.iter().any(starts) || head.first() == Some(&0x80) {
        let found = crate::sniff::describe(head);
        return Err(Error::new(Kind::Magic, "start", "text: JSON, JSONL, CSV or TSV", found));
    }
    let utf16 = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    let binary = head.iter().filter(|byte| **byte == 0).nth(3).is_some();
    if utf16 || binary {
        return Err(Error::new(Kind::Encoding, "start", "UTF-8 text", "UTF-16 or binary data"));
    }
    Ok(())
}
