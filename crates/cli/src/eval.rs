//! The settings of `smolder eval`.

use crate::data::Learn;
use crate::train::Device;
use std::path::PathBuf;

/// Options of `smolder eval`.
#[derive(clap::Args)]
pub struct Arguments {
    /// A GGUF file, a name from `smolder models`, or organisation/repository at the hub.
    #[arg(long, short)]
    pub model: PathBuf,
    /// The adapter that the model is evaluated with.
    #[arg(long, value_name = "FOLDER")]
    pub adapter: Option<PathBuf>,
    /// JSONL, JSON, CSV, TSV or plain text.
    #[arg(long, short)]
    pub data: PathBuf,
    /// Rename a column, as in question=prompt; may be repeated.
    #[arg(long, value_name = "COLUMN=FIELD")]
    pub map: Vec<String>,
    /// Put prompt and completion one behind the other, without the chat template.
    #[arg(long)]
    pub raw: bool,
    /// What the loss is taken on.
    #[arg(long, value_enum, default_value_t = Learn::Assistant)]
    pub loss_on: Learn,
    /// Tokens of a row at most.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(2..))]
    pub seq_len: u32,
    /// Rows that are computed at once.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_size: u32,
    /// What computes.
    #[arg(long, value_enum, default_value_t = Device::Auto)]
    pub device: Device,
    /// Print {"loss","perplexity","tokens"} as JSON.
    #[arg(long)]
    pub json: bool,
}
