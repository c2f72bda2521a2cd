//! A configuration file: what flags say, in TOML or JSON.

use crate::method_flags;
use anyhow::{Context, Error, Result, bail};
use serde_json::{Map, Value};
use smolder_protocol::TrainConfig;
use std::fs;
use std::path::{Path, PathBuf};

/// What a run is told.
#[derive(Debug, Default, PartialEq)]
pub struct Settings {
    pub config: TrainConfig,
    pub resume: bool,
    pub log_json: Option<PathBuf>,
}

/// Reads a file: JSON by its ending, else TOML.
pub(super) fn read(path: &Path) -> Result<Settings> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
    parse(&text, json).with_context(|| format!("{} is no configuration", path.display()))
}

/// Settings by the names that [`TrainConfig`] writes, or by the flags'.
pub(super) fn parse(text: &str, json: bool) -> Result<Settings> {
    let mut table: Map<String, Value> = if json { serde_json::from_str(text)? } else { toml(text)? };
    let resume = switch(&mut table, "resume")?.unwrap_or_default();
    let log_json = table.remove("log_json").map(serde_json::from_value).transpose().context("`log_json`")?;
    if let Some(keep_order) = switch(&mut table, "no_shuffle")? {
        table.insert("shuffle".to_owned(), (!keep_order).into());
    }
    if let Some(samples) = table.remove("sample") {
        let samples = if samples.is_array() { samples } else { vec![samples].into() };
        table.insert("samples".to_owned(), samples);
    }
    for name in method_flags::names() {
        if let Some(value) = table.remove(name) {
            let options = table.entry("options").or_insert_with(|| Map::new().into());
            let options = options.as_object_mut().context("`options`: expected a table")?;
            options.insert(name.to_owned(), value);
        }
    }
    Ok(Settings { config: serde_json::from_value(table.into())?, resume, log_json })
}

fn switch(table: &mut Map<String, Value>, name: &str) -> Result<Option<bool>> {
    let value = table.remove(name).map(serde_json::from_value).transpose();
    value.with_context(|| format!("`{name}`"))
}

/// TOML as JSON, which has no infinity.
fn toml(text: &str) -> Result<Map<String, Value>> {
    let table: toml::Table = toml::from_str(text)?;
    for (name, value) in &table {
        if value.as_float().is_some_and(|number| !number.is_finite()) {
            bail!("`{name}`: expected a number, found {value}");
        }
    }
    match serde_json::to_value(table)? {
        Value::Object(map) => Ok(map),
        _ => Err(Error::msg("expected settings")),
    }
}
