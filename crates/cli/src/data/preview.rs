//! Rows as tokens.

use anyhow::Result;
use smolder_formats::dataset::{Position, Row, Rows};
use smolder_formats::error::printable;
use smolder_formats::tokenizer::Tokenizer;
use std::io::{IsTerminal, StdoutLock, Write};

/// One row's tokens: what is learned stands out by colour and by underline, or by brackets in a pipe.
pub fn show(tokenizer: &Tokenizer, at: Position, rows: &Rows) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let better = if rows.rejected.is_some() { ", chosen" } else { "" };
    show_row(&mut out, tokenizer, &format!("{at}{better}"), &rows.row)?;
    match &rows.rejected {
        Some(row) => show_row(&mut out, tokenizer, &format!("{at}, rejected"), row),
        None => Ok(()),
    }
}

fn show_row(out: &mut StdoutLock, tokenizer: &Tokenizer, name: &str, row: &Row) -> Result<()> {
    let colour = out.is_terminal();
    writeln!(out, "{name}: {} tokens, {} learned", row.ids.len(), learned(row))?;
    for (index, (id, mask)) in row.ids.iter().zip(&row.mask).enumerate() {
        let text: Vec<String> = tokenizer.decode(&[*id], false).split('\n').map(printable).collect();
        let text = text.join("⏎");
        match (colour, *mask == 1) {
            (true, true) => write!(out, "\x1b[{};4m{text}\x1b[0m", if index % 2 == 0 { 32 } else { 92 })?,
            (true, false) => write!(out, "\x1b[{}m{text}\x1b[0m", if index % 2 == 0 { 37 } else { 90 })?,
            (false, true) => write!(out, "[{text}]")?,
            (false, false) => write!(out, "{text}|")?,
        }
        if text.ends_with('⏎') || index + 1 == row.ids.len() {
            writeln!(out)?;
        }
    }
    Ok(writeln!(out)?)
}

fn learned(row: &Row) -> u32 {
    row.mask.iter().map(|mask| u32::from(*mask)).sum()
}
