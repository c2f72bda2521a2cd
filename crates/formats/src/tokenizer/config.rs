//! The `tokenizer_config.json` beside a `tokenizer.json`.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::json_parts::text;
use crate::error::{Error, Kind, Result};
use crate::limits;

/// What is read of `tokenizer_config.json`.
#[derive(Debug, Clone, Default)]
pub struct TokenizerConfig {
    /// The text of the BOS token.
    pub bos: Option<String>,
    /// The text of the EOS token.
    pub eos: Option<String>,
    /// The text of the padding token.
    pub pad: Option<String>,
    /// Whether BOS is put before every text, if the file says so.
    pub add_bos: Option<bool>,
    /// Whether EOS is put behind every text, if the file says so.
    pub add_eos: Option<bool>,
    /// The default chat template.
    pub chat_template: Option<String>,
}

impl TokenizerConfig {
    /// Reads a `tokenizer_config.json`.
    ///
    /// # Errors
    /// [`Kind::Syntax`] or [`Kind::Limit`] for the file, [`Kind::Type`] for a field.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let file: File<'_> =
            crate::json::typed(json, limits::TOKENIZER_CONFIG_BYTES, "a tokenizer's settings")?;
        Ok(Self {
            bos: token("bos_token", file.bos_token)?,
            eos: token("eos_token", file.eos_token)?,
            pad: token("pad_token", file.pad_token)?,
            add_bos: flag("add_bos_token", file.add_bos_token)?,
            add_eos: flag("add_eos_token", file.add_eos_token)?,
            chat_template: chat_template(file.chat_template)?,
        })
    }
}

/// The keys that are read: Gemma's file lists thousands of tokens beside them, which `tokenizer.json` has too.
#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    bos_token: Option<&'a RawValue>,
    #[serde(borrow)]
    eos_token: Option<&'a RawValue>,
    #[serde(borrow)]
    pad_token: Option<&'a RawValue>,
    #[serde(borrow)]
    add_bos_token: Option<&'a RawValue>,
    #[serde(borrow)]
    add_eos_token: Option<&'a RawValue>,
    #[serde(borrow)]
    chat_template: Option<&'a RawValue>,
}

fn value(key: &str, raw: Option<&RawValue>) -> Result<Value> {
    let value = raw.map(|raw| crate::json::value(raw.get().as_bytes(), limits::CONFIG_BYTES)).transpose();
    value.map(Option::unwrap_or_default).map_err(|e| e.within(&format!("`{key}`")))
}

/// A token as a string or as an object with its content.
fn token(key: &str, raw: Option<&RawValue>) -> Result<Option<String>> {
    match value(key, raw)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        other => match other.get("content").and_then(Value::as_str) {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(Error::new(Kind::Type, format!("`{key}`"), "a token's text", other)),
        },
    }
}

fn flag(key: &str, raw: Option<&RawValue>) -> Result<Option<bool>> {
    match value(key, raw)? {
        Value::Null => Ok(None),
        Value::Bool(on) => Ok(Some(on)),
        other => Err(Error::new(Kind::Type, format!("`{key}`"), "true or false", other)),
    }
}

/// One template, or a list of named ones of which `default` is taken.
fn chat_template(raw: Option<&RawValue>) -> Result<Option<String>> {
    match value("chat_template", raw)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Array(named) => {
            let default = named.iter().find(|t| text(t, "name") == "default");
            Ok(default.map(|t| text(t, "template").to_owned()))
        }
        other => Err(Error::new(Kind::Type, "`chat_template`", "a template", other)),
    }
}
