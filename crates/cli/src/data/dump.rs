//! The rows on disk, a line each.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use smolder_trainer::data::{Data, Examples, Sequence};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes what is trained on to `path`, and what is evaluated on beside it; returns the files.
pub fn write(path: &Path, examples: &Examples, packed: bool) -> Result<Vec<PathBuf>> {
    write_rows(path, &examples.train, packed)?;
    let Some(eval) = &examples.eval else { return Ok(vec![path.to_owned()]) };
    let beside = eval_path(path);
    write_rows(&beside, eval, false)?;
    Ok(vec![path.to_owned(), beside])
}

/// `rows.eval.jsonl` for `rows.jsonl`.
fn eval_path(path: &Path) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(".eval");
    if let Some(ending) = path.extension() {
        name.push(".");
        name.push(ending);
    }
    path.with_file_name(name)
}

fn write_rows(path: &Path, data: &Data, packed: bool) -> Result<()> {
    let unwritable = || format!("{} cannot be written", path.display());
    let mut out = BufWriter::new(File::create(path).with_context(unwritable)?);
    for documents in data.documents() {
        writeln!(out, "{}", row(documents, packed)).with_context(unwritable)?;
    }
    out.flush().with_context(unwritable)
}

/// A row's ids and mask; of a packed one also where each document starts.
fn row(documents: &[Sequence], packed: bool) -> Value {
    let ids: Vec<u32> = documents.iter().flat_map(|one| one.ids.iter().copied()).collect();
    let mask: Vec<u8> = documents.iter().flat_map(|one| one.mask.iter().copied().map(u8::from)).collect();
    if !packed {
        return json!({"ids": ids, "mask": mask});
    }
    let mut next = 0;
    let starts = documents.iter().map(|one| {
        next += one.ids.len();
        next - one.ids.len()
    });
    json!({"ids": ids, "mask": mask, "starts": starts.collect::<Vec<_>>()})
}
