//! An adapter that a person brings: PEFT's folder as an archive or as its two files, or a single file.

use crate::browser::{bytes_of, part_of, text_of, unpacked};
use crate::names::{run_name, safe_name};
use crate::unzip::{self, END_BYTES, Entry, HEADER_BYTES};
use wasm_bindgen::JsValue;
use web_sys::{Blob, File};

/// What PEFT calls its two files.
pub(crate) const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
/// What a file of an archive may have: more is no adapter that a tab could use.
pub(crate) const MOST_BYTES: u64 = 1 << 30;

/// An adapter on its way into the storage.
#[derive(Clone, Debug)]
pub(crate) struct Brought {
    /// What it shall be called there.
    pub(crate) name: String,
    /// Its weights.
    pub(crate) weights: Blob,
    /// Its config, where that is a file of its own.
    pub(crate) config: Option<String>,
}

/// Finds the adapter among files; nothing where there is none.
pub(crate) async fn find(files: &[File]) -> Result<Option<Brought>, JsValue> {
    let ends = |end: &'static str| move |file: &&File| file.name().to_lowercase().ends_with(end);
    if let Some(archive) = files.iter().find(ends(".zip")) {
        return of_archive(archive).await;
    }
    let weights = files.iter().find(ends(".safetensors")).or_else(|| files.iter().find(ends(".gguf")));
    let Some(weights) = weights else { return Ok(None) };
    let config = match files.iter().find(|file| file.name() == CONFIG) {
        Some(file) => Some(text_of(file).await?),
        None => None,
    };
    Ok(Some(Brought { name: name(&weights.name()), weights: Blob::from(weights.clone()), config }))
}

async fn of_archive(archive: &File) -> Result<Option<Brought>, JsValue> {
    let size = archive.size() as u64;
    let end_at = size.saturating_sub(END_BYTES);
    let end = bytes_of(&part_of(archive, end_at, size)?).await?;
    let entries = unzip::entries(&end, end_at).unwrap_or_default();
    let named = |wanted: &str| {
        let is = |entry: &&Entry| entry.name.rsplit('/').next() == Some(wanted) && entry.bytes <= MOST_BYTES;
        entries.iter().find(is)
    };
    let (Some(weights), Some(config)) = (named(WEIGHTS), named(CONFIG)) else { return Ok(None) };
    let (Some(weights), Some(config)) = (content(archive, weights).await?, content(archive, config).await?)
    else {
        return Ok(None);
    };
    let config = Some(text_of(&config).await?);
    Ok(Some(Brought { name: name(&archive.name()), weights, config }))
}

async fn content(archive: &Blob, entry: &Entry) -> Result<Option<Blob>, JsValue> {
    let header = bytes_of(&part_of(archive, entry.at, entry.at + HEADER_BYTES)?).await?;
    let Some(at) = unzip::content_at(entry, &header) else { return Ok(None) };
    let packed = part_of(archive, at, at + entry.packed_bytes)?;
    if entry.deflated { unpacked(&packed).await.map(Some) } else { Ok(Some(packed)) }
}

/// What the storage calls it: all become safetensors. PEFT's own name says nothing.
fn name(file: &str) -> String {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    if file == WEIGHTS {
        return format!(
            "{}.safetensors",
            run_name("adapter", &String::from(js_sys::Date::new_0().to_iso_string()))
        );
    }
    format!("{}.safetensors", safe_name(stem))
}
