//! The `tokenizer_config.json` beside a `tokenizer.json`.

use serde_json::Value;

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
        let value = crate::json::object(json, limits::CONFIG_BYTES)?;
        Ok(Self {
            bos: token(&value, "bos_token")?,
            eos: token(&value, "eos_token")?,
            pad: token(&value, "pad_token")?,
            add_bos: value.get("add_bos_token").and_then(Value::as_bool),
            add_eos: value.get("add_eos_token").and_then(Value::as_bool),
            chat_template: chat_template(value.get("chat_template"))?,
        })
    }
}

/// A token as a string or as an object with its content.
fn token(config: &Value, key: &str) -> Result<Option<String>> {
    match config.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => match other.get("content").and_then(Value::as_str) {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(Error::new(Kind::Type, format!("`{key}`"), "a token's text", other)),
        },
    }
}

/// One template, or a list of named ones of which `default` is taken.
fn chat_template(value: Option<&Value>) -> Result<Option<String>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Array(named)) => {
            let default = named.iter().find(|t| text(t, "name") == "default");
            Ok(default.map(|t| text(t, "template").to_owned()))
        }
        Some(other) => Err(Error::new(Kind::Type, "`chat_template`", "a template", other)),
    }
}
