//! `smolder export`: an adapter in the forms that other programs read.

use crate::library::resolve;
use crate::output::answer;
use crate::whole::{Whole, spare};
use crate::{adapter, open};
use anyhow::{Context, Result, bail};
use smolder_formats::adapter::{Heads, LoraAdapter, PeftAdapter, write_gguf, write_mlx};
use smolder_models::Opened;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The file of tensors in mlx-lm's folder.
const MLX_WEIGHTS: &str = "adapters.safetensors";

/// Options of `smolder export`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The adapter: PEFT's folder, a safetensors file that carries its config, or a GGUF LoRA.
    #[arg(long)]
    adapter: PathBuf,
    /// What for.
    #[arg(long, value_enum)]
    to: Form,
    /// The folder to write, or the file for gguf.
    #[arg(long, short)]
    out: PathBuf,
    /// The model that the adapter was trained on; GGUF needs it, on either side.
    #[arg(long, short)]
    model: Option<PathBuf>,
    /// Export even if the adapter was trained on another model than --model.
    #[arg(long, requires = "model")]
    force: bool,
}

/// Who reads it.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Form {
    /// Hugging Face's PEFT: a folder of `adapter_model.safetensors` and `adapter_config.json`
    Peft,
    /// llama.cpp and what builds on it: one file
    Gguf,
    /// Apple's mlx-lm: a folder of `adapters.safetensors` and `adapter_config.json`
    Mlx,
}

/// Reads the adapter and writes it anew.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut base = arguments.model.as_deref().map(open::weights).transpose()?;
    let adapter = match &mut base {
        Some(base) => adapter::read(&arguments.adapter, base, arguments.force)?,
        None => adapter::read_alone(&arguments.adapter)?,
    };
    let model = arguments.model.as_deref().map(resolve).transpose()?;
    for file in files(arguments) {
        spare(&file, &[&arguments.adapter, model.as_deref().unwrap_or(&arguments.adapter)])?;
    }
    match arguments.to {
        Form::Peft => peft(&adapter, &arguments.out)?,
        Form::Gguf => gguf(&lora(adapter, &arguments.adapter)?, base.as_mut(), &arguments.out)?,
        Form::Mlx => mlx(&lora(adapter, &arguments.adapter)?, base.as_mut(), &arguments.out)?,
    }
    answer(&arguments.out.display().to_string())
}

/// What is going to be written.
fn files(arguments: &Arguments) -> Vec<PathBuf> {
    let inside = |names: [&str; 2]| names.map(|name| arguments.out.join(name)).to_vec();
    match arguments.to {
        Form::Peft => inside([adapter::WEIGHTS, adapter::CONFIG]),
        Form::Gguf => vec![arguments.out.clone()],
        Form::Mlx => inside([MLX_WEIGHTS, adapter::CONFIG]),
    }
}

/// Writes PEFT's folder.
pub fn peft(adapter: &PeftAdapter, folder: &Path) -> Result<()> {
    make(folder)?;
    let weights = Whole::create(&folder.join(adapter::WEIGHTS))?;
    weights.write(|out| Ok(adapter.write_weights(out)?))?;
    text(&folder.join(adapter::CONFIG), &(adapter.config.to_json() + "\n"))
}

/// The pairs that both forms are made of.
fn lora(adapter: PeftAdapter, path: &Path) -> Result<LoraAdapter> {
    Ok(LoraAdapter::from_peft(adapter).map_err(|error| error.in_file(&path.to_string_lossy()))?)
}

fn gguf(lora: &LoraAdapter, base: Option<&mut Opened<File>>, file: &Path) -> Result<()> {
    let base = base.context("a GGUF LoRA is written for one model: say which with --model")?;
    let tied = base.is_tied();
    let sizes = &base.config.sizes;
    let heads = Heads { queries: sizes.heads, keys: sizes.kv_heads };
    lora.check_shapes(|module| module.shape(sizes))?;
    lora.check_ends(tied, "llama.cpp")?;
    let written = Whole::create(file)?.write(|out| {
        write_gguf(lora, &sizes.architecture, heads, out)?;
        Ok(())
    });
    written.map(drop)
}

fn mlx(lora: &LoraAdapter, base: Option<&mut Opened<File>>, folder: &Path) -> Result<()> {
    match base {
        Some(base) => lora.check_ends(base.is_tied(), "mlx-lm")?,
        None if lora.check_ends(true, "mlx-lm").is_err() => {
            bail!(
                "whether mlx-lm can use a LoRA on the embedding or the head depends on the model: say which with --model"
            )
        }
        None => {}
    }
    let mut config = String::new();
    make(folder)?;
    Whole::create(&folder.join(MLX_WEIGHTS))?.write(|out| {
        config = write_mlx(lora, out)?;
        Ok(())
    })?;
    text(&folder.join(adapter::CONFIG), &config)
}

fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))
}

/// Writes a file of text.
pub fn text(path: &Path, text: &str) -> Result<()> {
    Whole::create(path)?.write(|out| Ok(out.write_all(text.as_bytes())?))?;
    Ok(())
}
