//! `smolder data`: what training will see of a dataset.

use crate::open::{self, model};
use crate::progress::percent;
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::json;
use smolder_formats::dataset::{Audit, Dataset, Mapping, RenderOptions, Renderer, Row, Rows, Target};
use smolder_formats::error::printable;
use smolder_formats::template::{ChatTemplate, Options};
use smolder_formats::tokenizer::Tokenizer;
use smolder_formats::{Error, Kind, TensorSource};
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::PathBuf;

/// Options of `smolder data`.
#[derive(clap::Args)]
pub struct Arguments {
    /// JSONL, JSON, CSV, TSV or plain text.
    file: PathBuf,
    /// The model whose tokenizer and chat template are used: a GGUF file, a name from `smolder models`, or
    /// organisation/repository at the hub.
    #[arg(long, short)]
    model: PathBuf,
    /// Show this many rows as tokens; the learned ones are green and underlined.
    #[arg(long, default_value_t = 0)]
    preview: usize,
    /// Write every row as {"ids":[…],"mask":[…]}, exactly what training will see.
    #[arg(long)]
    dump: Option<PathBuf>,
    /// Rename a column, as in question=prompt; may be repeated.
    #[arg(long = "map", value_name = "COLUMN=FIELD")]
    mapping: Vec<String>,
    /// What the loss is taken on.
    #[arg(long, value_enum, default_value_t = Learn::Assistant)]
    train_on: Learn,
    /// Tokens in a row at most.
    #[arg(long, default_value_t = 1024)]
    max_len: usize,
    /// Put prompt and completion one behind the other, without the chat template.
    #[arg(long)]
    raw: bool,
    /// Print the audit as JSON.
    #[arg(long)]
    json: bool,
}

/// [`Target`] on the command line.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Learn {
    /// Every turn of the assistant's
    Assistant,
    /// All text
    All,
    /// What comes after the prompt
    Completion,
    /// The assistant's last turn
    LastTurn,
}

impl From<Learn> for Target {
    fn from(learn: Learn) -> Self {
        match learn {
            Learn::Assistant => Self::Assistant,
            Learn::All => Self::Everything,
            Learn::Completion => Self::Completion,
            Learn::LastTurn => Self::LastTurn,
        }
    }
}

/// Reads, renders, audits, and shows or writes what was asked for.
pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.max_len >= 2, "--max-len must be at least 2: one token to read and one to learn");
    let file = open::data(&arguments.file)?;
    let model = model(&arguments.model)?;
    let named = |error: Error| error.in_file(model.name());
    let tokenizer = Tokenizer::from_gguf(model.metadata()).map_err(named)?;
    let template =
        model.metadata().string("tokenizer.chat_template").and_then(ChatTemplate::new).map_err(named)?;
    if template.is_built_in() {
        eprintln!("The model has no chat template: the built-in ChatML is used.");
    }
    let mut dataset = Dataset::open(file, Mapping::parse(&arguments.mapping)?)?;
    let options = RenderOptions {
        target: arguments.train_on.into(),
        max_len: arguments.max_len,
        raw_pairs: arguments.raw,
        template: Options::of(&tokenizer),
    };
    let mut renderer = Renderer::new(&tokenizer, &template, options);
    let mut dump = arguments.dump.as_ref().map(Dump::create).transpose()?;
    let mut show = percent("rendering");
    let mut audit = Audit::default();
    while let Some((line, record)) = dataset.next_record().map_err(advise)? {
        match record.and_then(|record| renderer.render(&record)) {
            Ok(rows) => {
                if audit.kept < arguments.preview {
                    preview(&tokenizer, line, &rows)?;
                }
                dump.as_mut().map_or(Ok(()), |dump| dump.write(&rows))?;
                audit.keep(&rows);
            }
            Err(error) => audit.drop_row(line, &error),
        }
        let (done, total) = dataset.progress();
        show(done, total);
    }
    dump.map_or(Ok(()), Dump::finish)?;
    let format = dataset.format().map_or_else(|| "no rows".to_owned(), |format| format.to_string());
    let text = if arguments.json {
        serde_json::to_string_pretty(&json!({"format": format, "audit": audit}))? + "\n"
    } else {
        format!("format          {format}\n{audit}")
    };
    std::io::stdout().write_all(text.as_bytes())?;
    ensure!(audit.kept > 0, "no row is left to train on");
    Ok(())
}

/// Columns of no known format are the most common refusal, and the easiest to mend.
fn advise(error: Error) -> anyhow::Error {
    if error.kind == Kind::Missing && error.field == "columns" {
        return anyhow!("{error}. Say which is which with --map, as in --map question=prompt.");
    }
    error.into()
}

/// The rows on disk, a line each.
struct Dump {
    path: PathBuf,
    out: BufWriter<File>,
}

impl Dump {
    fn create(path: &PathBuf) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self { path: path.clone(), out: BufWriter::new(file) })
    }

    fn write(&mut self, rows: &Rows) -> Result<()> {
        for row in std::iter::once(&rows.row).chain(&rows.rejected) {
            serde_json::to_writer(&mut self.out, row)?;
            self.out
                .write_all(b"\n")
                .with_context(|| format!("{} cannot be written", self.path.display()))?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.out.flush().with_context(|| format!("{} cannot be written", self.path.display()))
    }
}

/// One row's tokens: what is learned stands out by colour and by underline, or by brackets in a pipe.
fn preview(tokenizer: &Tokenizer, line: u64, rows: &Rows) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let colour = out.is_terminal();
    writeln!(out, "line {line}: {} tokens, {} learned", rows.row.ids.len(), learned(&rows.row))?;
    for (index, (id, mask)) in rows.row.ids.iter().zip(&rows.row.mask).enumerate() {
        let text = printable(&tokenizer.decode(&[*id], false)).replace("\\n", "⏎");
        match (colour, *mask == 1) {
            (true, true) => write!(out, "\x1b[{};4m{text}\x1b[0m", if index % 2 == 0 { 32 } else { 92 })?,
            (true, false) => write!(out, "\x1b[{}m{text}\x1b[0m", if index % 2 == 0 { 37 } else { 90 })?,
            (false, true) => write!(out, "[{text}]")?,
            (false, false) => write!(out, "{text}|")?,
        }
        if text.ends_with('⏎') || index + 1 == rows.row.ids.len() {
            writeln!(out)?;
        }
    }
    Ok(writeln!(out)?)
}

fn learned(row: &Row) -> u32 {
    row.mask.iter().map(|mask| u32::from(*mask)).sum()
}
