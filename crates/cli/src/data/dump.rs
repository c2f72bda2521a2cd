//! The rows on disk, a line each.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use smolder_formats::dataset::Row;
use smolder_trainer::data::Sequence;
use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// A file of rows on its way, `FILE.part` until all of them are there; what is not finished is deleted.
pub struct Dump {
    path: PathBuf,
    part: PathBuf,
    out: BufWriter<File>,
}

impl Dump {
    /// Starts the file, unless one is there that is no dump, `input` above all: it may be a person's own.
    pub fn create(path: &Path, input: &Path) -> Result<Self> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        for written in [path, Path::new(&part)] {
            ensure!(
                !same(written, input),
                "--dump would write over {}: choose another name",
                input.display()
            );
            ensure!(
                replaceable(written),
                "{} is there already, and --dump did not write it: move it, or choose another name",
                written.display()
            );
        }
        let file = File::create(&part).with_context(|| unwritable(path))?;
        Ok(Self { path: path.to_owned(), part: part.into(), out: BufWriter::new(file) })
    }

    /// Writes a row of one document.
    pub fn row(&mut self, Row { ids, mask }: &Row) -> Result<()> {
        self.line(&json!({"ids": ids, "mask": mask}))
    }

    /// Writes a row of training's, of a packed one also where each document starts.
    pub fn documents(&mut self, documents: &[Sequence], packed: bool) -> Result<()> {
        let ids: Vec<u32> = documents.iter().flat_map(|one| one.ids.iter().copied()).collect();
        let mask: Vec<u8> = documents.iter().flat_map(|one| one.mask.iter().copied().map(u8::from)).collect();
        if !packed {
            return self.line(&json!({"ids": ids, "mask": mask}));
        }
        let mut next = 0;
        let starts = documents.iter().map(|one| {
            next += one.ids.len();
            next - one.ids.len()
        });
        self.line(&json!({"ids": ids, "mask": mask, "starts": starts.collect::<Vec<_>>()}))
    }

    fn line(&mut self, row: &Value) -> Result<()> {
        writeln!(self.out, "{row}").with_context(|| unwritable(&self.path))
    }

    /// Moves the file into its place, which it tells.
    pub fn finish(mut self) -> Result<PathBuf> {
        self.out.flush().with_context(|| unwritable(&self.path))?;
        fs::rename(&self.part, &self.path).with_context(|| unwritable(&self.path))?;
        Ok(self.path.clone())
    }
}

impl Drop for Dump {
    fn drop(&mut self) {
        // Nothing is there once it was moved.
        let _ = fs::remove_file(&self.part);
    }
}

/// How each dump starts.
const START: &[u8] = br#"{"ids":["#;

/// Whether there is nothing, or no more than an earlier dump.
fn replaceable(path: &Path) -> bool {
    let mut start = Vec::new();
    match File::open(path) {
        Ok(file) => {
            let read = file.take(START.len() as u64).read_to_end(&mut start);
            read.is_ok() && START.starts_with(&start)
        }
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// Whether both are there and one file.
fn same(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

fn unwritable(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}

/// `rows.eval.jsonl` for `rows.jsonl`.
pub fn eval_path(path: &Path) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(".eval");
    if let Some(ending) = path.extension() {
        name.push(".");
        name.push(ending);
    }
    path.with_file_name(name)
}
