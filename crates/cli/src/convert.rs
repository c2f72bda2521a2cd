//! `smolder convert`: an adapter of another method as a LoRA, which every program reads.

use crate::interrupt::{self, Interrupt};
use crate::progress::percent;
use crate::{adapter, card, open};
use anyhow::Result;
use std::path::PathBuf;

/// Options of `smolder convert`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The model that the adapter was trained on: a GGUF file, a folder, a name from `smolder models`, or
    /// organisation/repository at the hub.
    #[arg(long, short)]
    model: PathBuf,
    /// The adapter: PEFT's folder, a safetensors file that carries its config, or a GGUF LoRA.
    #[arg(long)]
    adapter: PathBuf,
    /// The LoRA's rank: the higher, the nearer it comes, and the larger it is.
    #[arg(long)]
    rank: u64,
    /// The folder to write, in PEFT's form; `smolder export` makes other programs' of it.
    #[arg(long, short)]
    out: PathBuf,
    /// Convert even if the adapter was trained on another model, where its shapes fit.
    #[arg(long)]
    force: bool,
}

/// Finds the nearest LoRA and says how near it is.
pub fn run(arguments: &Arguments) -> Result<()> {
    card::free(&arguments.out)?;
    let mut base = open::weights(&arguments.model)?;
    let adapter = adapter::read(&arguments.adapter, &mut base, arguments.force)?;
    let watch = Interrupt::watch()?;
    let mut show = percent("converting");
    let mut progress = |done, total| {
        show(done, total);
        watch.flow()
    };
    let converted = smolder_models::convert(&mut base, &adapter, arguments.rank, &mut progress);
    let converted = pollster::block_on(converted).map_err(interrupt::told)?;
    let made = format!(
        "Made by `smolder convert` of an adapter of the method {}: the nearest LoRA of rank {} to what that changes.",
        adapter.config.method, arguments.rank
    );
    card::write(&made, &converted, &arguments.out)
}
