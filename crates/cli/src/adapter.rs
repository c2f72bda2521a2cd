//! Adapters by path: PEFT's folder, a safetensors file, or a GGUF.

use crate::open::source;
use crate::output::tell;
use crate::progress::percent;
use anyhow::{Context, Result, ensure};
use smolder_formats::adapter::{BaseIdentity, Check, Heads, LoraAdapter, PeftAdapter, read_gguf};
use smolder_models::Opened;
use smolder_protocol::storage::AdapterRemark;
use smolder_trainer::adapter_remarks;
use std::fs::{self, File};
use std::path::Path;

/// The file of settings in PEFT's folder.
pub const CONFIG: &str = "adapter_config.json";
/// The file of tensors in PEFT's folder.
pub const WEIGHTS: &str = "adapter_model.safetensors";
/// What PEFT called it before: a pickle, which can run programs when it is read.
const PICKLE: &str = "adapter_model.bin";

/// Reads an adapter for a model. Where it says what it was trained on, that must be this model, unless `force` is set:
/// then only shapes decide, when it is loaded.
pub fn read(path: &Path, base: &mut Opened<File>, force: bool) -> Result<PeftAdapter> {
    let adapter = find(path, base)?;
    if let Some(trained_on) = &adapter.base {
        compare(trained_on, base, force).with_context(|| format!("{}", path.display()))?;
    }
    Ok(adapter)
}

/// Reads an adapter that needs no model to be understood.
pub fn read_alone(path: &Path) -> Result<PeftAdapter> {
    ensure!(
        !is_gguf(path)?,
        "{} is a GGUF LoRA, which only its model explains: say which with --model",
        path.display()
    );
    let adapter = peft(path)?;
    warn(path, &adapter);
    Ok(adapter)
}

/// Tells what should be known of an adapter.
fn warn(path: &Path, adapter: &PeftAdapter) {
    for remark in adapter_remarks(adapter) {
        let words = match remark {
            AdapterRemark::UnknownKeys { keys } => {
                format!("says what means nothing here, and is passed over: {keys}")
            }
            AdapterRemark::Idle => "changes nothing: what it adds is exactly zero".to_owned(),
        };
        tell!("Careful: {} {words}", path.display());
    }
}

/// Reads an adapter, whatever it was trained on; `base` says how a GGUF's names are to be read.
pub fn find(path: &Path, base: &Opened<File>) -> Result<PeftAdapter> {
    let adapter = if is_gguf(path)? { gguf(path, base)?.to_peft() } else { peft(path)? };
    warn(path, &adapter);
    Ok(adapter)
}

fn compare(trained_on: &BaseIdentity, base: &mut Opened<File>, force: bool) -> Result<()> {
    let total: u64 = base.weights.source().tensors().iter().map(|tensor| tensor.bytes).sum();
    let mut show = percent("comparing the model with the adapter's");
    let found = base.identity(&mut |done| show(done.min(total), total))?;
    match trained_on.check(&found, if force { Check::AllowOtherBase } else { Check::Strict }) {
        Ok(warnings) => warnings.iter().for_each(|warning| tell!("Careful: {warning}")),
        Err(error) if force => tell!("Careful: the adapter was trained on another model: {error}"),
        Err(error) => {
            let advice =
                "the adapter was trained on another model; --force uses it all the same if its shapes fit";
            return Err(anyhow::Error::new(error).context(advice));
        }
    }
    Ok(())
}

fn is_gguf(path: &Path) -> Result<bool> {
    let mut magic = [0; 4];
    Ok(!path.is_dir() && source(path)?.read_at(0, &mut magic).is_ok() && &magic == b"GGUF")
}

fn gguf(path: &Path, base: &Opened<File>) -> Result<LoraAdapter> {
    let sizes = &base.config.sizes;
    let heads = Heads { queries: sizes.heads, keys: sizes.kv_heads };
    Ok(read_gguf(source(path)?, &sizes.architecture, heads)?)
}

fn peft(path: &Path) -> Result<PeftAdapter> {
    let weights = if path.is_dir() { path.join(WEIGHTS) } else { path.to_owned() };
    ensure!(
        weights.is_file() || !path.join(PICKLE).is_file(),
        "{} has its weights in {PICKLE}, a Python pickle, and pickles are not read, since they can run programs: load the \
         adapter in Python and save it with safe_serialization=True",
        path.display()
    );
    // Beside a file of another name lies the config of something else.
    let beside = weights.with_file_name(CONFIG);
    let named = weights.file_name().is_some_and(|name| name == WEIGHTS);
    let config = if named && beside.is_file() {
        Some(fs::read(&beside).with_context(|| format!("{} cannot be read", beside.display()))?)
    } else {
        None
    };
    Ok(PeftAdapter::read(source(&weights)?, config.as_deref())?)
}
