//! `smolder logits`: a model's numbers, for comparisons with other programs.

use crate::engine::{self, Engine};
use crate::interrupt::Stopped;
use crate::progress::percent;
use crate::whole::Whole;
use anyhow::{Context, Result};
use smolder_formats::Dtype;
use smolder_formats::gguf::TensorPlan;
use smolder_formats::safetensors::write_header;
use smolder_models::generate::positions;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Options of `smolder logits`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    engine: engine::Options,
    /// The text's tokens, by number, with commas between.
    #[arg(long, required = true, value_delimiter = ',', value_parser = id)]
    ids: Vec<u32>,
    /// The safetensors file to write: `logits`, a row of 32-bit floats for each token.
    #[arg(long)]
    out: PathBuf,
}

fn id(text: &str) -> Result<u32, std::num::ParseIntError> {
    text.trim().parse()
}

/// Computes and writes some rows at a time.
pub fn run(arguments: &Arguments) -> Result<()> {
    arguments.engine.spare(&arguments.out)?;
    let engine = Engine::start(&arguments.engine)?;
    Whole::create(&arguments.out)?.write(|out| write(&engine, &arguments.ids, out))?;
    Ok(())
}

fn write(engine: &Engine, ids: &[u32], file: &mut BufWriter<File>) -> Result<()> {
    let shape = vec![ids.len() as u64, engine.model.vocabulary() as u64];
    let plan = TensorPlan { name: "logits".to_owned(), shape, dtype: Dtype::F32 };
    write_header(&mut *file, &[], &[plan])?;
    let (mut show, mut done) = (percent("computing"), 0);
    let total = (ids.len() * engine.model.vocabulary()) as u64;
    let mut failed = None;
    let mut each = |logits: &[f32]| {
        engine.interrupt.flow()?;
        done += logits.len() as u64;
        show(done, total);
        let bytes: Vec<u8> = logits.iter().flat_map(|logit| logit.to_le_bytes()).collect();
        failed = file.write_all(&bytes).err();
        if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let (model, adapter) = (&engine.model, engine.adapter.as_ref());
    let ended = engine.attempt(|| Ok(pollster::block_on(positions(model, adapter, ids, &mut each))?))?;
    failed.map_or(Ok(()), Err).context("the logits cannot be written")?;
    if ended.is_break() { Err(Stopped.into()) } else { Ok(()) }
}
