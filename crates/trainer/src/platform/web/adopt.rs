//! An adapter from elsewhere: checked against the model that it is for, and put into one file that stands alone and names
//! that model.

use super::files::OpfsFiles;
use super::js::{self, Blob};
use crate::files::Files;
use crate::remarks::adapter_remarks;
use smolder_formats::Source;
use smolder_formats::adapter::{BaseIdentity, Check, Heads, LoraAdapter, PeftAdapter, read_gguf};
use smolder_formats::model::ModelConfig;
use smolder_models::peft::Method;
use smolder_protocol::storage::{AdapterRemark, StorageFailure};
use std::io::Cursor;

/// What is larger is no adapter that a tab could use.
const MOST_BYTES: u64 = 1 << 30;

type Result<T> = std::result::Result<T, StorageFailure>;

/// The bytes of that one file, and what should be known of it.
pub(crate) async fn adopt(
    blob: &Blob,
    name: &str,
    (model, config): (&str, Option<&str>),
) -> Result<(Vec<u8>, Vec<AdapterRemark>)> {
    let size = blob.bytes() as u64;
    if size > MOST_BYTES {
        return Err(unusable(format!(
            "{name}: expected an adapter of at most {MOST_BYTES} bytes, found {size}"
        )));
    }
    let bytes = js::read(blob, 0, size).await.map_err(|error| unusable(js::words(&error).1))?;
    let mut base = OpfsFiles.model(model).await.map_err(unusable)?;
    let adapter = read(name, bytes, config, &base.config.sizes).map_err(unusable)?;
    let identity = base.identity(&mut |_| ()).map_err(unusable)?;
    if let Some(trained_on) = &adapter.base
        && trained_on.check(&identity, Check::Strict).is_err()
    {
        let (expected, found) = (trained_on.name.clone(), model.to_owned());
        return Err(StorageFailure::OtherBase { expected, found });
    }
    check_shapes(&adapter, &base.config.sizes).map_err(|error| unusable(error.in_file(name)))?;
    let remarks = adapter_remarks(&adapter);
    let base = Some(BaseIdentity { name: model.to_owned(), ..identity });
    let mut out = Vec::new();
    PeftAdapter { base, ..adapter }.write_weights(&mut out).map_err(unusable)?;
    Ok((out, remarks))
}

fn read(
    name: &str,
    bytes: Vec<u8>,
    config: Option<&str>,
    sizes: &ModelConfig,
) -> smolder_formats::Result<PeftAdapter> {
    let gguf = bytes.starts_with(b"GGUF");
    let source = Source::new(name, Cursor::new(bytes))?;
    if gguf {
        let heads = Heads { queries: sizes.heads, keys: sizes.kv_heads };
        return read_gguf(source, &sizes.architecture, heads).map(|adapter| adapter.to_peft());
    }
    PeftAdapter::read(source, config.map(str::as_bytes))
}

/// Whether a known method's adapter fits the model, as far as that can be seen before it is used.
fn check_shapes(adapter: &PeftAdapter, sizes: &ModelConfig) -> smolder_formats::Result<()> {
    if Method::of(adapter)?.peft_type == "LORA" {
        LoraAdapter::from_peft(adapter.clone())?.check_shapes(|module| module.shape(sizes))?;
    }
    Ok(())
}

#[allow(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn unusable(error: impl ToString) -> StorageFailure {
    StorageFailure::File { reason: error.to_string() }
}
