//! What is said of a model.

use std::collections::BTreeMap;

use serde::Serialize;

/// Everything that `smolder inspect` says of a model.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The file or folder that was asked for.
    pub file: String,
    /// Files of weights.
    pub parts: usize,
    /// Bytes in all of them.
    pub bytes: u64,
    /// SHA-256 of each file, where it was asked for.
    pub sha256: Vec<String>,
    /// [`crate::gguf::table_sha256`].
    pub table_sha256: String,
    /// The files' format, with GGUF's version.
    pub format: String,
    /// `general.name` in a GGUF, `_name_or_path` in a `config.json`.
    pub name: Option<String>,
    /// `general.license` in a GGUF, `license` in a folder's model card; where that is another than the hub knows, its
    /// name.
    pub licence: Option<String>,
    /// The sizes; `None` where a file of a tokenizer alone does not say them.
    pub model: Option<Sizes>,
    /// Tensors of each type.
    pub types: BTreeMap<String, usize>,
    /// Elements in all tensors.
    pub parameters: u64,
    /// The tokenizer.
    pub tokenizer: TokenizerReport,
    /// The chat template.
    pub template: TemplateReport,
    /// Memory that using the model takes.
    pub memory: Memory,
}

/// A model's sizes, as [`crate::model::ModelConfig`] has them.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the fields are those of ModelConfig")]
pub struct Sizes {
    pub architecture: String,
    pub layers: u64,
    pub width: u64,
    pub feed_forward: u64,
    pub heads: u64,
    pub kv_heads: u64,
    pub head_dim: u64,
    pub context: u64,
    pub rope_base: f64,
}

/// What a tokenizer is.
#[derive(Debug, Clone, Serialize)]
pub struct TokenizerReport {
    /// `tokenizer.ggml.model` and `tokenizer.ggml.pre` in a GGUF; what a `tokenizer.json` comes to. `not supported: ` and
    /// its name for one that is unknown here, of which nothing else is known.
    pub kind: String,
    /// Ids.
    pub vocabulary: usize,
    /// Merges.
    pub merges: usize,
    /// The BOS token, if any, and whether it is put before every text.
    pub bos: Option<String>,
    /// See `bos`.
    pub add_bos: bool,
    /// The EOS token, if any.
    pub eos: Option<String>,
    /// [`crate::tokenizer::Tokenizer::sha256`].
    pub sha256: Option<String>,
}

/// What a chat template is.
#[derive(Debug, Clone, Serialize)]
pub struct TemplateReport {
    /// Whether the model has none and the built-in ChatML is used.
    pub built_in: bool,
    /// Bytes.
    pub bytes: usize,
    /// [`crate::template::ChatTemplate::sha256`].
    pub sha256: String,
    /// The template itself.
    pub source: String,
}

/// Bytes of memory.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Memory {
    /// The weights as they are stored.
    pub weights: u64,
    /// The weights as 32-bit floats.
    pub weights_f32: u64,
    /// A key-value cache for 1,024 tokens at 16 bits.
    pub cache_1024: u64,
}
