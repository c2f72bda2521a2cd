//! What a model says of itself: a GGUF's metadata or a Hugging Face `config.json`, asked in one way.

use serde_json::Value;
use smolder_formats::gguf::Metadata;
use smolder_formats::model::ModelConfig;
use smolder_formats::{Error, Kind, Result};

/// Where a model's hyper-parameters are read from.
#[derive(Clone, Copy, Debug)]
pub enum Description<'a> {
    /// A GGUF's key-value pairs.
    Gguf(&'a Metadata),
    /// A parsed `config.json`.
    Json(&'a Value),
}

impl Description<'_> {
    /// The sizes that every decoder has.
    ///
    /// # Errors
    /// Those of [`ModelConfig`]'s readers.
    pub fn sizes(self) -> Result<ModelConfig> {
        match self {
            Self::Gguf(metadata) => ModelConfig::from_gguf(metadata),
            Self::Json(config) => ModelConfig::from_value(config),
        }
    }

    /// A number: `gguf` is a key without the architecture's name, `json` a path with dots. An empty one is not asked.
    ///
    /// # Errors
    /// [`Kind::Type`] where it is no number.
    pub fn number(self, gguf: &str, json: &str) -> Result<Option<f64>> {
        match self {
            Self::Gguf(_) if gguf.is_empty() => Ok(None),
            Self::Gguf(metadata) => {
                let key = key(metadata, gguf)?;
                metadata.float(&key).or_else(|_| Ok(metadata.integer(&key)?.map(|value| value as f64)))
            }
            Self::Json(config) => typed(config, json, "a number", Value::as_f64),
        }
    }

    /// A whole number, as [`Self::number`].
    ///
    /// # Errors
    /// [`Kind::Type`] where it is none.
    pub fn integer(self, gguf: &str, json: &str) -> Result<Option<u64>> {
        match self {
            Self::Gguf(_) if gguf.is_empty() => Ok(None),
            Self::Gguf(metadata) => metadata.integer(&key(metadata, gguf)?),
            Self::Json(config) => typed(config, json, "a whole number", Value::as_u64),
        }
    }

    /// A sliding window in tokens; files write 0 for none.
    ///
    /// # Errors
    /// [`Kind::Type`] where it is no whole number.
    pub fn window(self) -> Result<Option<usize>> {
        let window = self.integer("attention.sliding_window", "sliding_window")?;
        Ok(window.filter(|window| *window > 0).map(|window| window as usize))
    }

    /// A word, as [`Self::number`].
    ///
    /// # Errors
    /// [`Kind::Type`] where it is none.
    pub fn string(self, gguf: &str, json: &str) -> Result<Option<String>> {
        match self {
            Self::Gguf(_) if gguf.is_empty() => Ok(None),
            Self::Gguf(metadata) => Ok(metadata.string(&key(metadata, gguf)?)?.map(str::to_owned)),
            Self::Json(config) => typed(config, json, "a string", |v| v.as_str().map(str::to_owned)),
        }
    }

    /// A list of `config.json`; GGUF has none that decoders need.
    ///
    /// # Errors
    /// [`Kind::Type`] where it is no list.
    pub fn list(self, json: &str) -> Result<Option<Vec<Value>>> {
        match self {
            Self::Gguf(_) => Ok(None),
            Self::Json(config) => typed(config, json, "a list", |v| v.as_array().cloned()),
        }
    }

    /// A switch of `config.json`.
    ///
    /// # Errors
    /// [`Kind::Type`] where it is neither true nor false.
    pub fn flag(self, json: &str) -> Result<Option<bool>> {
        match self {
            Self::Gguf(_) => Ok(None),
            Self::Json(config) => typed(config, json, "true or false", Value::as_bool),
        }
    }

    /// The name of this field in errors.
    pub(crate) fn field(self, gguf: &str, json: &str) -> String {
        match self {
            Self::Gguf(_) => format!("`{gguf}`"),
            Self::Json(_) => format!("`{json}`"),
        }
    }
}

fn key(metadata: &Metadata, name: &str) -> Result<String> {
    let architecture = metadata.string("general.architecture")?.unwrap_or_default();
    Ok(format!("{architecture}.{name}"))
}

fn typed<T>(
    config: &Value,
    path: &str,
    expected: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>> {
    if path.is_empty() {
        return Ok(None);
    }
    let found = path.split('.').try_fold(config, |value, key| value.get(key));
    match found {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            read(value).map(Some).ok_or_else(|| Error::new(Kind::Type, format!("`{path}`"), expected, value))
        }
    }
}
