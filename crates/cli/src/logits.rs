//! `smolder logits`: a model's numbers, for comparisons with other programs.

use crate::engine::{self, Engine};
use crate::interrupt::Stopped;
use crate::progress::percent;
use anyhow::{Context, Result};
use smolder_formats::Dtype;
use smolder_formats::gguf::TensorPlan;
use smolder_formats::safetensors::write_header;
use smolder_models::generate::positions;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Options of `smolder logits`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    engine: engine::Options,
    /// The text's tokens, by number, with commas between.
    #[arg(long, required = true, value_delimiter = ',')]
    ids: Vec<u32>,
    /// The safetensors file to write: `logits`, a row of 32-bit floats for each token.
    #[arg(long)]
    out: PathBuf,
}

/// Computes and writes some rows at a time; the file has its name when it is whole.
pub fn run(arguments: &Arguments) -> Result<()> {
    let engine = Engine::start(&arguments.engine)?;
    let out = &arguments.out;
    let part = PathBuf::from(format!("{}.part", out.display()));
    let written = write(&engine, &arguments.ids, &part);
    let moved = written.and_then(|()| {
        fs::rename(&part, out).with_context(|| format!("{} cannot be written", out.display()))
    });
    if moved.is_err() {
        // What is broken is of no use; the first error says why.
        let _ = fs::remove_file(&part);
    }
    moved
}

fn write(engine: &Engine, ids: &[u32], part: &Path) -> Result<()> {
    let unwritable = || format!("{} cannot be written", part.display());
    let mut file = BufWriter::new(File::create(part).with_context(unwritable)?);
    let shape = vec![ids.len() as u64, engine.model.vocabulary() as u64];
    let plan = TensorPlan { name: "logits".to_owned(), shape, dtype: Dtype::F32 };
    write_header(&mut file, &[], &[plan])?;
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
    failed.map_or(Ok(()), Err).and_then(|()| file.flush()).with_context(unwritable)?;
    if ended.is_break() { Err(Stopped.into()) } else { Ok(()) }
}
