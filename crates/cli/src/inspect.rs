//! `smolder inspect`: what a model file is.

use crate::open::model;
use crate::progress::percent;
use anyhow::Result;
use smolder_formats::inspect::Report;
use std::io::Write;
use std::path::PathBuf;

/// Options of `smolder inspect`.
#[derive(clap::Args)]
pub struct Arguments {
    /// A GGUF model or the first part of one, a name from `smolder models`, or organisation/repository at the hub.
    model: PathBuf,
    /// Print the report as JSON, with the whole chat template.
    #[arg(long)]
    json: bool,
    /// Leave the file's SHA-256 out, which takes reading all of it.
    #[arg(long)]
    no_hash: bool,
}

/// Reads the file and prints the report.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut model = model(&arguments.model)?;
    let total = model.len();
    let mut show = percent("hashing");
    let name = arguments.model.display().to_string();
    let report = Report::read(&name, &mut model, !arguments.no_hash, &mut |done| show(done, total))?;
    let text =
        if arguments.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.to_string() };
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
