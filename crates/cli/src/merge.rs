//! `smolder merge`: a model with an adapter inside.

use crate::engine::{Engine, Options, Wanted};
use crate::interrupt::Interrupt;
use crate::library::resolve;
use crate::output::answer;
use crate::progress::percent;
use crate::quantization::Quantization;
use crate::whole::{Whole, spare};
use crate::{adapter, eval, interrupt, open};
use anyhow::{Error, Result};
use smolder_formats::inspect::size;
use smolder_protocol::TrainConfig;
use std::path::{Path, PathBuf};

/// Rows of examples that are computed at once.
const ROWS: u32 = 8;

/// Options of `smolder merge`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The model that the adapter was trained on: a GGUF file, a name from `smolder models`, or
    /// organisation/repository at the hub.
    #[arg(long, short)]
    model: PathBuf,
    /// The adapter: PEFT's folder, a safetensors file that carries its config, or a GGUF LoRA.
    #[arg(long)]
    adapter: PathBuf,
    /// Merge even if the adapter was trained on another model, where its shapes fit.
    #[arg(long)]
    force: bool,
    /// The GGUF file to write.
    #[arg(long, short)]
    out: PathBuf,
    /// How the layers' matrices are stored [default: as they are, or `q8_0` where that cannot be written].
    #[arg(long = "type", value_enum)]
    dtype: Option<Quantization>,
    /// Examples to compare on: the loss of the model with the adapter, and of the file.
    #[arg(long, short, default_value = "instructions-en")]
    data: PathBuf,
    /// Leave that comparison out.
    #[arg(long, conflicts_with = "data")]
    no_loss: bool,
    /// Where to compute the losses.
    #[arg(long, value_enum, default_value = "auto")]
    device: Wanted,
}

/// Writes the file, a tensor at a time.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut base = open::weights(&arguments.model)?;
    let adapter = adapter::read(&arguments.adapter, &mut base, arguments.force)?;
    spare(&arguments.out, &[&resolve(&arguments.model)?, &arguments.adapter])?;
    let whole = Whole::create(&arguments.out)?;
    let watch = Interrupt::watch()?;
    let mut show = percent("merging");
    let mut progress = |done, total| {
        show(done, total);
        watch.flow()
    };
    let dtype = arguments.dtype.map(Into::into);
    let bytes = whole.write(|out| {
        let merged = smolder_models::merge(&mut base, &adapter, dtype, out, &mut progress);
        merged.map(drop).map_err(interrupt::told)
    })?;
    answer(&format!("{}: {}", arguments.out.display(), size(bytes)))?;
    if arguments.no_loss { Ok(()) } else { compare(arguments) }
}

/// Says what storing the merged weights cost.
fn compare(arguments: &Arguments) -> Result<()> {
    let loss = |model: &Path, adapter: Option<&PathBuf>| {
        let options = Options::new(model.to_owned(), adapter.cloned(), arguments.device);
        let engine = Engine::start(&options)?;
        let data = eval::examples(&engine, open::data(&arguments.data)?, &TrainConfig::default())?;
        Ok::<_, Error>(eval::loss(&engine, &data, ROWS)?.loss)
    };
    let apart = loss(&arguments.model, Some(&arguments.adapter))?;
    let merged = loss(&arguments.out, None)?;
    let change = merged - apart;
    let data = arguments.data.display();
    answer(&format!("loss on {data}: {apart:.4} with the adapter, {merged:.4} merged ({change:+.4})"))
}
