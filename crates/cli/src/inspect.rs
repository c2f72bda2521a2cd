//! `smolder inspect`: what a model is.

use crate::library::resolve;
use crate::open::{find, model, source};
use crate::progress::percent;
use anyhow::{Context, Result};
use smolder_formats::inspect::{Report, Weights};
use smolder_formats::safetensors::Safetensors;
use std::io::Write;
use std::path::PathBuf;

/// Options of `smolder inspect`.
#[derive(clap::Args)]
pub struct Arguments {
    /// A GGUF model or the first part of one, a folder in Hugging Face's layout, a safetensors file alone, a name from
    /// `smolder models`, or organisation/repository at the hub.
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
    let (text, json) = if path.is_dir() {
        let report = Report::hf(&name, &mut |file| find(&path, file), hash, &mut show);
        let report = report.with_context(|| name.clone())?;
        (report.to_string(), serde_json::to_value(report)?)
    } else if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors")) {
        let report = Weights::of(&mut Safetensors::open(source(&path)?)?, hash, &mut show)?;
        (report.to_string(), serde_json::to_value(report)?)
    } else {
        let report = Report::gguf(&name, &mut model(&path)?, hash, &mut show)?;
        (report.to_string(), serde_json::to_value(report)?)
    };
    let text = if arguments.json { format!("{json:#}\n") } else { text };
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
