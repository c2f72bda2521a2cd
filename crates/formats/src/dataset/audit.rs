//! What became of a dataset's rows.

use std::fmt;

use serde::Serialize;

use super::position::Position;
use super::render::Rows;
use crate::error::{Error, Kind};

/// Rows dropped for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// The field and what was expected of it.
    pub reason: String,
    /// How many rows.
    pub rows: usize,
    /// The place of the first, and what it had instead.
    pub first: String,
}

/// Counts over a whole dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Rows that training sees.
    pub kept: usize,
    /// Rows that it does not see, by reason.
    pub dropped: Vec<Dropped>,
    /// Of the dropped ones, those with nothing to learn in them.
    pub fully_masked: usize,
    /// Kept rows that were cut.
    pub truncated: usize,
    /// Kept rows whose learned part does not end with an end token.
    pub missing_eos: usize,
    /// Kept rows that start with two BOS tokens.
    pub duplicate_bos: usize,
    /// Tokens in kept rows.
    pub tokens: u64,
    /// Of these, tokens that are learned.
    pub learned: u64,
    /// The longest row before it was cut.
    pub longest: usize,
    /// Kept rows by length: entry n counts those of 2ⁿ to 2ⁿ⁺¹ − 1 tokens, before they were cut.
    pub lengths: Vec<usize>,
}

impl Audit {
    /// Counts a kept row.
    pub fn keep(&mut self, rows: &Rows) {
        let notes = rows.notes;
        self.kept += 1;
        self.truncated += usize::from(notes.truncated);
        self.missing_eos += usize::from(notes.missing_eos);
        self.duplicate_bos += usize::from(notes.duplicate_bos);
        self.tokens += rows.row.ids.len() as u64;
        self.learned += rows.row.mask.iter().map(|m| u64::from(*m)).sum::<u64>();
        self.longest = self.longest.max(notes.full_len);
        let bucket = notes.full_len.max(1).ilog2() as usize;
        if self.lengths.len() <= bucket {
            self.lengths.resize(bucket + 1, 0);
        }
        if let Some(count) = self.lengths.get_mut(bucket) {
            *count += 1;
        }
    }

    /// Counts a dropped row.
    pub fn drop_row(&mut self, at: Position, error: &Error) {
        self.fully_masked += usize::from(error.kind == Kind::Missing && error.field == "row");
        let reason = if error.field.is_empty() {
            format!("expected {}", error.expected)
        } else {
            format!("{}: expected {}", error.field, error.expected)
        };
        if let Some(dropped) = self.dropped.iter_mut().find(|dropped| dropped.reason == reason) {
            dropped.rows += 1;
        } else {
            let first = format!("{at}: {}", error.found);
            self.dropped.push(Dropped { reason, rows: 1, first });
        }
    }

    /// Rows that training does not see.
    pub fn dropped_rows(&self) -> usize {
        self.dropped.iter().map(|dropped| dropped.rows).sum()
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "rows kept       {}", self.kept)?;
        writeln!(f, "rows dropped    {}", self.dropped_rows())?;
        for Dropped { reason, rows, first } in &self.dropped {
            writeln!(f, "  {rows} × {reason} (first: {first})")?;
        }
        writeln!(f, "fully masked    {}", self.fully_masked)?;
        writeln!(f, "truncated       {}", self.truncated)?;
        writeln!(f, "missing EOS     {}", self.missing_eos)?;
        writeln!(f, "duplicate BOS   {}", self.duplicate_bos)?;
        let share = if self.tokens == 0 { 0.0 } else { 100.0 * self.learned as f64 / self.tokens as f64 };
        writeln!(f, "tokens          {}, of which {} learned ({share:.1} %)", self.tokens, self.learned)?;
        writeln!(f, "longest row     {} tokens", self.longest)?;
        let most = self.lengths.iter().copied().max().unwrap_or_default().max(1);
        for (bucket, rows) in self.lengths.iter().enumerate().filter(|(_, rows)| **rows > 0) {
            let bar = "█".repeat((rows * 40).div_ceil(most));
            writeln!(f, "{:>7}–{:<7} {rows:>7} {bar}", 1_u64 << bucket, (2_u64 << bucket) - 1)?;
        }
        Ok(())
    }
}
