//! Cuts a file into rows without holding more than one: lines, or the elements of a JSON array.

mod array;
mod grown;
mod record;
mod start;

use std::io::{BufRead, BufReader, Read, Seek};

use super::Position;
use crate::error::{Error, Kind, Result};
use crate::limits;
use crate::source::Source;
use grown::Grown;
use start::{check_text, first_byte, is_spread};

/// What a file is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    /// JSONL, a JSON array, or objects.
    Json,
    /// A table with this byte between fields.
    Table(u8),
    /// Lines of text.
    Plain,
}

/// How a file holds its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// A row a line.
    Lines,
    /// One JSON array.
    Array,
    /// JSON objects that are spread over lines, one behind the other.
    Objects,
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
    /// Looks at the start of the file.
    ///
    /// # Errors
    /// [`Kind::Magic`] for archives and other binaries, [`Kind::Encoding`] for UTF-16.
    pub(super) fn new(mut source: Source<R>, container: Container) -> Result<Self> {
        let (name, stated_len) = (source.name().to_owned(), source.len());
        let mut head = [0; 24];
        let len = stated_len.min(24) as usize;
        let head = head.get_mut(..len).unwrap_or_default();
        source.read_at(0, head)?;
        check_text(head).map_err(|e| e.in_file(&name))?;
        let skip = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let first = first_byte(&mut source, skip)?;
        source.at(skip)?;
        let mut reader = BufReader::with_capacity(1 << 16, source.into_inner());
        let start = reader.fill_buf().map_err(|e| Error::io("start", &e).in_file(&name))?;
        let layout = match container {
            Container::Table(separator) => Layout::Quoted(separator),
            Container::Json if first == Some(b'[') => Layout::Array,
            Container::Json if is_spread(start) => Layout::Objects,
            Container::Json | Container::Plain => Layout::Lines,
        };
        Ok(Self { reader, name, layout, stated_len, read: skip, line: 1, count: 0, started: false })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Bytes read so far, of how many.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.read, self.stated_len)
    }

    /// The next row that is not blank, with its place; of one that is too long, that it is.
    pub(super) fn next_row(&mut self) -> Result<Option<(Position, Result<Vec<u8>>)>> {
        loop {
            let in_array = self.layout == Layout::Array;
            let row = match self.layout {
                Layout::Lines => self.until_newline()?,
                Layout::Array => self.element()?,
                Layout::Objects => self.spread_object()?,
                Layout::Quoted(separator) => self.record(separator)?,
            };
            let Some(row) = row else { return self.end().map(|()| None) };
            // Blank fields are fields.
            let table = matches!(self.layout, Layout::Quoted(_));
            if row.is_empty() || (!table && row.is_blank()) {
                continue;
            }
            self.count += 1;
            let at = Position { line: row.line, row: in_array.then_some(self.count as u64) };
            if self.count > limits::ROWS {
                return Err(self.error(Kind::Limit, at, format!("at most {} rows", limits::ROWS), "more"));
            }
            return Ok(Some((at, row.finish())));
        }
    }

    /// The line that is read now, or an earlier one.
    fn line(line: u64) -> Position {
        Position { line, row: None }
    }

    fn error(
        &self,
        kind: Kind,
        at: Position,
        expected: impl Into<String>,
        found: impl std::fmt::Display,
    ) -> Error {
        Error::new(kind, at.to_string(), expected, found).in_file(&self.name)
    }

    /// At the end all bytes must have been seen.
    fn end(&self) -> Result<()> {
        if self.read == self.stated_len {
            return Ok(());
        }
        let found = format!("{} bytes: the file changed while it was read", self.read);
        Err(self.error(Kind::Mismatch, Self::line(self.line), format!("{} bytes", self.stated_len), found))
    }

    fn byte(&mut self) -> Result<Option<u8>> {
        let buffer = self.reader.fill_buf().map_err(|e| Error::io("row", &e).in_file(&self.name))?;
        let Some(byte) = buffer.first().copied() else { return Ok(None) };
        self.reader.consume(1);
        self.read += 1;
        self.line += u64::from(byte == b'\n');
        Ok(Some(byte))
    }

    fn until_newline(&mut self) -> Result<Option<Grown>> {
        let mut row = Grown::new(self.line);
        let start = self.read;
        loop {
            let buffer = self.reader.fill_buf().map_err(|e| Error::io("row", &e).in_file(&self.name))?;
            let newline = buffer.iter().position(|byte| *byte == b'\n');
            let part = buffer.get(..newline.unwrap_or(buffer.len())).unwrap_or_default();
            row.extend(part);
            let taken = part.len() + usize::from(newline.is_some());
            self.reader.consume(taken);
            self.read += taken as u64;
            self.line += u64::from(newline.is_some());
            if newline.is_some() || taken == 0 {
                row.pop_return();
                return Ok(Some(row).filter(|_| self.read > start));
            }
        }
    }
}
