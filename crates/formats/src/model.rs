//! A model's sizes, from GGUF metadata or a `config.json`, checked against each other.

use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::gguf::Metadata;
use crate::limits;
use crate::names::known;

/// The sizes of a decoder-only transformer.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// The architecture, as GGUF calls it: `llama`, `qwen2` …
    pub architecture: String,
    /// Layers.
    pub layers: u64,
    /// Width of the residual stream.
    pub width: u64,
    /// Width inside the feed-forward block.
    pub feed_forward: u64,
    /// Query heads.
    pub heads: u64,
    /// Key and value heads.
    pub kv_heads: u64,
    /// Width of a head.
    pub head_dim: u64,
    /// Tokens that the model was made for.
    pub context: u64,
    /// Rows of the embedding.
    pub vocabulary: Option<u64>,
    /// Base of the rotary embedding.
    pub rope_base: f64,
    /// The epsilon of RMS norms.
    pub norm_eps: f64,
    /// Whether the embedding is the head too; a GGUF does not say, but has a head of its own or none.
    pub tied: Option<bool>,
}

/// What transformers 5's config classes take where a `config.json` does not say.
struct Defaults {
    /// As many as heads where there is no number.
    kv_heads: Option<u64>,
    /// The width of a head among all where there is no number.
    head_dim: Option<u64>,
    rope_base: f64,
    norm_eps: f64,
    tied: bool,
}

impl Defaults {
    fn of(architecture: &str) -> Self {
        let llama = Self { kv_heads: None, head_dim: None, rope_base: 1e4, norm_eps: 1e-6, tied: false };
        match architecture {
            "qwen2" => Self { kv_heads: Some(32), ..llama },
            "qwen3" => Self { kv_heads: Some(32), head_dim: Some(128), ..llama },
            "gemma3" => Self { kv_heads: Some(4), head_dim: Some(256), tied: true, ..llama },
            "smollm3" => Self { kv_heads: Some(4), rope_base: 2e6, tied: true, ..llama },
            "phi3" => Self { norm_eps: 1e-5, ..llama },
            _ => llama,
        }
    }
}

/// What is said of a size that is not there: nothing of an architecture that is not known, whose keys may be others.
fn unless_unknown(error: Error, architecture: &str) -> Error {
    known(architecture).err().filter(|_| error.kind == Kind::Missing).unwrap_or(error)
}

fn missing(key: &str) -> Error {
    Error::new(Kind::Missing, format!("`{key}`"), "this key", "a file without it")
}

impl ModelConfig {
    /// Reads a GGUF's `ARCHITECTURE.*` keys.
    ///
    /// # Errors
    /// [`Kind::Missing`], [`Kind::Type`] or [`Kind::Value`] naming the key; [`Kind::Mismatch`] for an adapter;
    /// [`Kind::Unsupported`] for keys that are not there where the architecture is not known either.
    pub fn from_gguf(metadata: &Metadata) -> Result<Self> {
        if let Some(kind) = metadata.string("general.type")?.filter(|kind| *kind != "model") {
            return Err(Error::new(Kind::Mismatch, "`general.type`", "model", kind));
        }
        let key = "general.architecture";
        let architecture = metadata.string(key)?.ok_or_else(|| missing(key))?;
        Self::of_gguf(metadata, architecture).map_err(|error| unless_unknown(error, architecture))
    }

    fn of_gguf(metadata: &Metadata, architecture: &str) -> Result<Self> {
        let name = |key: &str| format!("{architecture}.{key}");
        let integer = |key: &str| metadata.integer(&name(key))?.ok_or_else(|| missing(&name(key)));
        let heads = integer("attention.head_count")?;
        let width = integer("embedding_length")?;
        let config = Self {
            layers: integer("block_count")?,
            width,
            feed_forward: integer("feed_forward_length")?,
            heads,
            kv_heads: metadata.integer(&name("attention.head_count_kv"))?.unwrap_or(heads),
            head_dim: head_dim(metadata.integer(&name("attention.key_length"))?, width, heads)?,
            context: integer("context_length")?,
            vocabulary: metadata.strings("tokenizer.ggml.tokens")?.map(|tokens| tokens.len() as u64),
            rope_base: metadata.float(&name("rope.freq_base"))?.unwrap_or(10_000.0),
            norm_eps: metadata.float(&name("attention.layer_norm_rms_epsilon"))?.unwrap_or(1e-5),
            architecture: architecture.to_owned(),
            tied: None,
        };
        config.check()?;
        Ok(config)
    }

    /// Reads a Hugging Face `config.json`.
    ///
    /// # Errors
    /// Those of [`crate::json::object`] and of [`Self::from_gguf`].
    pub fn from_json(json: &[u8]) -> Result<Self> {
        Self::from_value(&crate::json::object(json, limits::CONFIG_BYTES)?)
    }

    /// Reads a parsed `config.json`.
    ///
    /// # Errors
    /// Those of [`Self::from_gguf`].
    pub fn from_value(value: &Value) -> Result<Self> {
        let architecture = crate::names::architecture(text(value, "model_type")?);
        Self::of_json(value, architecture).map_err(|error| unless_unknown(error, architecture))
    }

    fn of_json(value: &Value, architecture: &str) -> Result<Self> {
        let integer = |key: &str| optional(value, key)?.ok_or_else(|| missing(key));
        let defaults = Defaults::of(architecture);
        let unless_said = |key: &str, default: Option<u64>| match value.get(key) {
            None => Ok(default),
            Some(_) => optional(value, key),
        };
        let heads = integer("num_attention_heads")?;
        let width = integer("hidden_size")?;
        let rope = match value.get("rope_parameters") {
            None | Some(Value::Null) => None,
            Some(Value::Object(parameters)) => parameters.get("rope_theta"),
            Some(other) => {
                let found = crate::json::type_name(other);
                return Err(Error::new(Kind::Type, "`rope_parameters`", "an object", found));
            }
        };
        let rope = rope.or_else(|| value.get("rope_theta"));
        let config = Self {
            architecture: architecture.to_owned(),
            layers: integer("num_hidden_layers")?,
            width,
            feed_forward: integer("intermediate_size")?,
            heads,
            kv_heads: unless_said("num_key_value_heads", defaults.kv_heads)?.unwrap_or(heads),
            head_dim: head_dim(unless_said("head_dim", defaults.head_dim)?, width, heads)?,
            context: integer("max_position_embeddings")?,
            vocabulary: Some(integer("vocab_size")?),
            rope_base: number("rope_theta", rope)?.unwrap_or(defaults.rope_base),
            norm_eps: number("rms_norm_eps", value.get("rms_norm_eps"))?.unwrap_or(defaults.norm_eps),
            tied: Some(flag(value, "tie_word_embeddings")?.unwrap_or(defaults.tied)),
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        let sizes = [
            ("layers", self.layers, limits::LAYERS),
            ("width", self.width, 1 << 20),
            ("feed-forward width", self.feed_forward, 1 << 24),
            ("heads", self.heads, 1 << 16),
            ("key-value heads", self.kv_heads, 1 << 16),
            ("head width", self.head_dim, 1 << 16),
            ("context", self.context, 1 << 32),
        ];
        if let Some((field, value, most)) =
            sizes.into_iter().find(|(_, value, most)| *value == 0 || value > most)
        {
            return Err(Error::new(Kind::Value, field, format!("1 to {most}"), value));
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            let expected = format!("a divisor of {} heads", self.heads);
            return Err(Error::new(Kind::Value, "key-value heads", expected, self.kv_heads));
        }
        let positive = [("rope base", self.rope_base), ("norm epsilon", self.norm_eps)];
        match positive.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
            Some((field, value)) => Err(Error::new(Kind::Value, field, "a number above 0", value)),
            None => Ok(()),
        }
    }

    /// Bytes of a key-value cache for `tokens` tokens at 16 bits a number.
    pub fn cache_bytes(&self, tokens: u64) -> u64 {
        [2, 2, self.layers, self.kv_heads, self.head_dim, tokens].into_iter().fold(1, u64::saturating_mul)
    }
}

fn flag(value: &Value, key: &str) -> Result<Option<bool>> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(other) => {
            let found = crate::json::type_name(other);
            Err(Error::new(Kind::Type, format!("`{key}`"), "true or false", found))
        }
    }
}

fn head_dim(stated: Option<u64>, width: u64, heads: u64) -> Result<u64> {
    let derived = || width.checked_div(heads).filter(|_| heads > 0 && width.is_multiple_of(heads));
    stated
        .or_else(derived)
        .ok_or_else(|| Error::new(Kind::Value, "heads", format!("a divisor of the width {width}"), heads))
}

fn text<'v>(value: &'v Value, key: &str) -> Result<&'v str> {
    match value.get(key) {
        None | Some(Value::Null) => Err(missing(key)),
        Some(Value::String(text)) => Ok(text),
        Some(other) => {
            Err(Error::new(Kind::Type, format!("`{key}`"), "a string", crate::json::type_name(other)))
        }
    }
}

fn optional(value: &Value, key: &str) -> Result<Option<u64>> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(number) => number
            .as_u64()
            .map(Some)
            .ok_or_else(|| Error::new(Kind::Type, format!("`{key}`"), "a non-negative integer", number)),
    }
}

fn number(key: &str, value: Option<&Value>) -> Result<Option<f64>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(number) => number
            .as_f64()
            .map(Some)
            .ok_or_else(|| Error::new(Kind::Type, format!("`{key}`"), "a number", number)),
    }
}
