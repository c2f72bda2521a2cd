//! `smolder inspect`: what a model is.

use crate::library::resolve;
use crate::open::{find, model};
use crate::progress::percent;
use anyhow::{Context, Result};
use smolder_formats::inspect::Report;
use std::io::Write;
use std::path::PathBuf;

/// Options of `smolder inspect`.
#[derive(clap::Args)]
pub struct Arguments {
    /// A GGUF model or the first part of one, a folder in Hugging Face's layout, a name from `smolder models`, or
    /// organisation/repository at the hub.
    model: PathBuf,
    /// Print the report as JSON, with the whole chat template.
    #[arg(long)]
    json: bool,
    /// Leave the files' SHA-256 out, which takes reading all of them.
    #[arg(long)]
    no_hash: bool,
}

/// Reads the model and prints the report.
pub fn run(arguments: &Arguments) -> Result<()> {
    let path = resolve(&arguments.model)?;
    let name = arguments.model.display().to_string();
    let (hash, mut show) = (!arguments.no_hash, percent("hashing"));
    let report = if path.is_dir() {
        Report::hf(&name, &mut |file| find(&path, file), hash, &mut show).with_context(|| name.clone())?
    } else {
        Report::gguf(&name, &mut model(&path)?, hash, &mut show)?
    };
    let text =
        if arguments.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.to_string() };
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
