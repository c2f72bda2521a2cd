//! What is trained and what is evaluated on: its numbers, and its file.

use super::dump::{Dump, eval_path};
use crate::progress::percent;
use anyhow::Result;
use serde_json::{Value, json};
use smolder_formats::dataset::Row;
use smolder_protocol::TrainConfig;
use smolder_trainer::data::{Data, Sequence};
use std::path::{Path, PathBuf};

/// One side: rows go through it, and are not kept.
#[derive(Default)]
pub struct Side {
    rows: usize,
    documents: usize,
    tokens: u64,
    learned: u64,
    dump: Option<Dump>,
}

/// Both sides.
#[derive(Default)]
pub struct Sides {
    pub train: Side,
    pub eval: Side,
}

impl Side {
    fn new(dump: Option<&Path>, input: &Path) -> Result<Self> {
        let dump = dump.map(|path| Dump::create(path, input)).transpose()?;
        Ok(Self { dump, ..Self::default() })
    }

    /// Counts a row of one document, and writes it.
    pub fn take(&mut self, row: &Row) -> Result<()> {
        self.rows += 1;
        self.documents += 1;
        self.tokens += row.ids.len() as u64;
        self.learned += row.mask.iter().map(|mask| u64::from(*mask)).sum::<u64>();
        self.dump.as_mut().map_or(Ok(()), |dump| dump.row(row))
    }

    /// The same with all that training made of the rows.
    pub fn take_all(&mut self, data: &Data, packed: bool) -> Result<()> {
        self.rows = data.rows();
        self.documents = data.documents().map(<[Sequence]>::len).sum();
        (self.tokens, self.learned) = (data.tokens(), data.labels());
        let Some(dump) = &mut self.dump else { return Ok(()) };
        let (mut show, total) = (percent("writing"), data.rows() as u64);
        data.documents().zip(1..).try_for_each(|(documents, done)| {
            show(done, total);
            dump.documents(documents, packed)
        })
    }

    fn json(&self) -> Value {
        let Self { rows, documents, tokens, learned, .. } = self;
        if *rows == 0 {
            return Value::Null;
        }
        json!({"rows": rows, "documents": documents, "tokens": tokens, "learned": learned})
    }

    fn text(&self) -> String {
        format!("{} rows, {} tokens, of which {} learned", self.rows, self.tokens, self.learned)
    }

    fn packed(&self, len: u32) -> String {
        let filled = 100.0 * self.tokens as f64 / (self.rows as f64 * f64::from(len));
        let Self { documents, rows, .. } = self;
        format!("packed          {documents} documents into {rows} rows of {len} tokens, {filled:.1} % full")
    }
}

impl Sides {
    /// With files for what goes through, where `dump` names one.
    pub fn new(dump: Option<&Path>, split: bool, input: &Path) -> Result<Self> {
        let beside = dump.filter(|_| split).map(eval_path);
        Ok(Self { train: Side::new(dump, input)?, eval: Side::new(beside.as_deref(), input)? })
    }

    /// Puts the files of the sides that have rows in their places; returns them.
    pub fn finish(&mut self) -> Result<Vec<PathBuf>> {
        let with_rows = [&mut self.train, &mut self.eval].into_iter().filter(|side| side.rows > 0);
        with_rows.filter_map(|side| side.dump.take()).map(Dump::finish).collect()
    }

    /// Both for a program; nothing where there are no rows.
    pub fn json(&self) -> [Value; 2] {
        [self.train.json(), self.eval.json()]
    }

    /// Both for a person, as far as they are not the audit again.
    pub fn text(&self, config: &TrainConfig) -> String {
        let mut lines = Vec::new();
        if config.packing && self.train.rows > 0 {
            lines.push(self.train.packed(config.seq_len));
        }
        if self.train.rows > 0 && (config.packing || self.eval.rows > 0) {
            lines.push(format!("to train on     {}", self.train.text()));
        }
        if self.eval.rows > 0 {
            lines.push(format!("to evaluate on  {}", self.eval.text()));
        } else if config.eval_split.is_some() && self.train.rows > 0 {
            lines.push("to evaluate on  none: a single row is for training".to_owned());
        }
        lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}
