//! A dataset file as records.

use std::io::{Read, Seek};

use serde_json::{Map, Value};

use super::detect::{Format, Mapping, detect};
use super::lines::{Container, Rows};
use super::{Position, chat, pairs, table};
use crate::error::{Error, Kind, Result};
use crate::source::Source;
use crate::template::Message;

/// One example, before it is rendered.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A conversation.
    Chat(Vec<Message>),
    /// A conversation that is asked for after its start.
    Continued {
        /// All of it.
        messages: Vec<Message>,
        /// How many messages at its start are the prompt.
        prompt: usize,
    },
    /// A question and its answer.
    Pair {
        /// What is read.
        prompt: String,
        /// What is learned.
        completion: String,
    },
    /// Two conversations that differ in their end.
    Preference {
        /// The better one.
        chosen: Vec<Message>,
        /// The worse one.
        rejected: Vec<Message>,
    },
    /// Text to learn as it is.
    Text(String),
}

/// A dataset being read.
#[derive(Debug)]
pub struct Dataset<R: Read> {
    rows: Rows<R>,
    container: Container,
    mapping: Mapping,
    header: Vec<String>,
    columns: Vec<String>,
    /// Columns to be renamed that no row had yet.
    unseen: Vec<String>,
    format: Option<Format>,
}

impl<R: Read + Seek> Dataset<R> {
    /// Looks at the start of a file; `.csv` and `.tsv` are tables, `.txt` and `.md` plain text, the rest JSON.
    ///
    /// # Errors
    /// [`Kind::Magic`] or [`Kind::Encoding`] for what is no text, [`Kind::Missing`] for an empty file or a column to be
    /// renamed that a table does not have.
    pub fn open(mut source: Source<R>, mapping: Mapping) -> Result<Self> {
        let name = source.name().to_owned();
        if source.is_empty() {
            return Err(Error::new(Kind::Missing, "rows", "at least one", "an empty file").in_file(&name));
        }
        let extension = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        let container = match extension.as_str() {
            "csv" => Container::Table(table::separator(&mut source).map_err(|e| e.in_file(&name))?),
            "tsv" => Container::Table(b'\t'),
            "txt" | "md" => Container::Plain,
            _ => Container::Json,
        };
        let rows = Rows::new(source, container)?;
        let unseen = mapping.columns().map(str::to_owned).collect();
        let (header, columns) = (Vec::new(), Vec::new());
        let mut dataset = Self { rows, container, mapping, header, columns, unseen, format: None };
        if let Container::Table(separator) = container {
            let record = dataset.rows.next_row()?.map_or(Ok(Vec::new()), |row| row.1);
            let fields = record.and_then(utf8).and_then(|text| table::fields(&text, char::from(separator)));
            dataset.header = fields.and_then(table::header).map_err(|e| e.in_file(&name))?;
            dataset.unseen.retain(|column| !dataset.header.contains(column));
            dataset.columns.clone_from(&dataset.header);
            dataset.all_seen()?;
        }
        Ok(dataset)
    }

    /// The format, once a row has shown it.
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// The first row's columns under the file's own names, once it was read; none of plain text.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Bytes read so far, of how many.
    pub fn progress(&self) -> (u64, u64) {
        self.rows.progress()
    }

    /// The next row: its place and its record, or why it is none. The outer error ends the file.
    ///
    /// # Errors
    /// [`Kind::Limit`] for a file of too many rows, [`Kind::Truncated`] or [`Kind::Syntax`] for an array or
    /// a quoted field that never ends, [`Kind::Missing`] for columns of no known format and for one to be renamed that no
    /// row has, [`Kind::Mismatch`] for a file that changed meanwhile.
    #[allow(clippy::type_complexity, reason = "a row may fail without the file failing")]
    pub fn next_record(&mut self) -> Result<Option<(Position, Result<Record>)>> {
        let Some((at, bytes)) = self.rows.next_row()? else {
            // Where no row could be read, that is what has to be said.
            return if self.columns.is_empty() { Ok(None) } else { self.all_seen().map(|()| None) };
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Some((at, Err(error)))),
        };
        if self.container == Container::Plain {
            self.format = Some(Format::Text);
            return Ok(Some((at, utf8(bytes).map(Record::Text))));
        }
        let row = match self.object(at.line, bytes) {
            Ok(row) => row,
            Err(error) => return Ok(Some((at, Err(error)))),
        };
        if self.columns.is_empty() {
            self.columns = row.keys().cloned().collect();
        }
        self.unseen.retain(|column| !row.contains_key(column));
        let row = match self.mapping.apply(row) {
            Ok(row) => row,
            Err(error) => return Ok(Some((at, Err(error)))),
        };
        let format = match self.format {
            Some(format) => format,
            None => match detect(&row) {
                Ok(format) => *self.format.insert(format),
                // It says nothing of those behind it.
                Err(error) if row.is_empty() => return Ok(Some((at, Err(error)))),
                Err(error) => {
                    self.all_seen()?;
                    return Err(error.in_file(self.rows.name()));
                }
            },
        };
        Ok(Some((at, record(format, &row))))
    }

    /// Refuses to rename a column that the file does not have: a name that is misspelt would be passed over.
    fn all_seen(&self) -> Result<()> {
        let Some(column) = self.unseen.first() else { return Ok(()) };
        let shown: Vec<&str> = self.columns.iter().take(12).map(String::as_str).collect();
        let expected = format!("one of the columns {}", shown.join(", "));
        Err(Error::new(Kind::Missing, "column mapping", expected, column).in_file(self.rows.name()))
    }

    fn object(&self, line: u64, bytes: Vec<u8>) -> Result<Map<String, Value>> {
        if let Container::Table(separator) = self.container {
            return table::object(&self.header, table::fields(&utf8(bytes)?, char::from(separator))?);
        }
        crate::json::row(line, &bytes)
    }
}

fn utf8(bytes: Vec<u8>) -> Result<String> {
    let text = String::from_utf8(bytes).map_err(|e| {
        let found = format!("byte {} is not", e.utf8_error().valid_up_to());
        Error::new(Kind::Encoding, "row", "UTF-8 text", found)
    })?;
    no_nul(&text)?;
    Ok(text)
}

fn no_nul(text: &str) -> Result<()> {
    let nul = || Error::new(Kind::Encoding, "row", "text", "a NUL character");
    if text.contains('\0') { Err(nul()) } else { Ok(()) }
}

fn record(format: Format, row: &Map<String, Value>) -> Result<Record> {
    row.values().try_for_each(no_nul_inside)?;
    match format {
        Format::Messages => chat::messages(row).map(Record::Chat),
        Format::ShareGpt => chat::sharegpt(row).map(Record::Chat),
        Format::Alpaca => pairs::alpaca(row).map(Record::Chat),
        Format::PromptCompletion => pairs::prompt_completion(row),
        Format::Preference => pairs::preference(row),
        Format::Text => pairs::text(row, "text").map(|text| Record::Text(text.into())),
    }
}

fn no_nul_inside(value: &Value) -> Result<()> {
    match value {
        Value::String(text) => no_nul(text),
        Value::Array(items) => items.iter().try_for_each(no_nul_inside),
        Value::Object(map) => map.values().try_for_each(no_nul_inside),
        _ => Ok(()),
    }
}
