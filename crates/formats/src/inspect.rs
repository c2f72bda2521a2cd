//! What a model file is, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Seek};

use serde::Serialize;

use crate::error::Result;
use crate::gguf::SplitGguf;
use crate::model::ModelConfig;
use crate::names::ARCHITECTURES;
use crate::template::ChatTemplate;
use crate::tensor::TensorSource;
use crate::tokenizer::Tokenizer;

/// Tokens that the stated key-value cache is for.
const CACHE_TOKENS: u64 = 1024;

/// Everything that `smolder inspect` says of a GGUF model.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The file that was asked for.
    pub file: String,
    /// Files and bytes in all.
    pub parts: usize,
    /// Bytes in all files.
    pub bytes: u64,
    /// SHA-256 of each file, where it was asked for.
    pub sha256: Vec<String>,
    /// [`crate::gguf::table_sha256`].
    pub table_sha256: String,
    /// GGUF's version.
    pub gguf_version: u32,
    /// `general.name`
    pub name: Option<String>,
    /// `general.license`
    pub licence: Option<String>,
    /// The sizes.
    pub model: Sizes,
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

/// A model's sizes, as [`ModelConfig`] has them.
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
    /// `tokenizer.ggml.model` and `tokenizer.ggml.pre`.
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
    /// [`Tokenizer::sha256`].
    pub sha256: String,
}

/// What a chat template is.
#[derive(Debug, Clone, Serialize)]
pub struct TemplateReport {
    /// Whether the model has none and the built-in ChatML is used.
    pub built_in: bool,
    /// Bytes.
    pub bytes: usize,
    /// [`ChatTemplate::sha256`].
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

impl Report {
    /// Reads everything but payloads; with `hash`, those too, for SHA-256: then `progress` is told the bytes done.
    ///
    /// # Errors
    /// Those of the model's sizes, tensors, tokenizer and template.
    pub fn read<R: Read + Seek>(
        file: &str,
        model: &mut SplitGguf<R>,
        hash: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self> {
        let named = |error: crate::Error| error.in_file(file);
        let config = ModelConfig::from_gguf(model.metadata()).map_err(named)?;
        if ARCHITECTURES.contains(&config.architecture.as_str()) {
            config.check_tensors(model)?;
        }
        let tokenizer = Tokenizer::from_gguf(model.metadata()).map_err(named)?;
        let metadata = model.metadata();
        let source = metadata.string("tokenizer.chat_template").map_err(named)?;
        let template = ChatTemplate::new(source).map_err(named)?;
        let text = |key: &str| metadata.string(key).map(|value| value.map(str::to_owned)).map_err(named);
        let kind =
            [text("tokenizer.ggml.model")?, text("tokenizer.ggml.pre")?].map(Option::unwrap_or_default);
        let (name, licence) = (text("general.name")?, text("general.license")?);
        let mut types = BTreeMap::new();
        model.tensors().iter().for_each(|t| *types.entry(t.dtype.name().to_owned()).or_default() += 1);
        let parameters = model.tensors().iter().map(crate::TensorInfo::elements).sum();
        let weights = model.tensors().iter().map(|tensor| tensor.bytes).sum();
        Ok(Self {
            file: file.to_owned(),
            parts: model.parts(),
            bytes: model.len(),
            sha256: if hash {
                model.sha256(progress)?.iter().map(ToString::to_string).collect()
            } else {
                Vec::new()
            },
            table_sha256: model.table_sha256().to_string(),
            gguf_version: model.version(),
            name,
            licence,
            types,
            parameters,
            tokenizer: tokenizer_report(&tokenizer, kind.join(" ").trim().to_owned()),
            template: TemplateReport {
                built_in: template.is_built_in(),
                bytes: template.source().len(),
                sha256: template.sha256().to_string(),
                source: template.source().to_owned(),
            },
            memory: Memory {
                weights,
                weights_f32: parameters * 4,
                cache_1024: config.cache_bytes(CACHE_TOKENS),
            },
            model: sizes(config),
        })
    }
}

fn sizes(config: ModelConfig) -> Sizes {
    let ModelConfig {
        architecture,
        layers,
        width,
        feed_forward,
        heads,
        kv_heads,
        head_dim,
        context,
        rope_base,
        ..
    } = config;
    Sizes { architecture, layers, width, feed_forward, heads, kv_heads, head_dim, context, rope_base }
}

fn tokenizer_report(tokenizer: &Tokenizer, kind: String) -> TokenizerReport {
    let spec = tokenizer.spec();
    let text = |id: Option<u32>| id.and_then(|id| tokenizer.token(id)).map(str::to_owned);
    TokenizerReport {
        kind,
        vocabulary: tokenizer.vocabulary_len(),
        merges: tokenizer.merges_len(),
        bos: text(spec.bos),
        add_bos: spec.add_bos,
        eos: text(spec.eos),
        sha256: tokenizer.sha256().to_string(),
    }
}

/// Bytes with a unit, as people read them.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if unit == 0 { format!("{bytes} {name}") } else { format!("{value:.1} {name}") }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |text: &Option<String>| {
            text.as_deref().map_or_else(|| "not stated".into(), crate::error::printable)
        };
        writeln!(f, "file            {}", crate::error::printable(&self.file))?;
        let parts = if self.parts > 1 { format!(" in {} files", self.parts) } else { String::new() };
        writeln!(f, "size            {}{parts}, GGUF version {}", size(self.bytes), self.gguf_version)?;
        self.sha256.iter().try_for_each(|hash| writeln!(f, "sha256          {hash}"))?;
        writeln!(f, "table sha256    {}", self.table_sha256)?;
        writeln!(f, "name            {}", show(&self.name))?;
        writeln!(f, "licence         {}", show(&self.licence))?;
        let m = &self.model;
        writeln!(f, "architecture    {}", crate::error::printable(&m.architecture))?;
        writeln!(f, "layers          {} of width {}, feed-forward {}", m.layers, m.width, m.feed_forward)?;
        writeln!(
            f,
            "heads           {} of width {}, {} for keys and values",
            m.heads, m.head_dim, m.kv_heads
        )?;
        writeln!(f, "context         {} tokens, rope base {}", m.context, m.rope_base)?;
        let types: Vec<String> = self.types.iter().map(|(name, count)| format!("{count} × {name}")).collect();
        writeln!(f, "tensors         {}", types.join(", "))?;
        writeln!(f, "parameters      {:.1} million", self.parameters as f64 / 1e6)?;
        let t = &self.tokenizer;
        writeln!(f, "tokenizer       {}, {} tokens, {} merges", t.kind, t.vocabulary, t.merges)?;
        let added = if t.add_bos { ", put before every text" } else { "" };
        writeln!(f, "special tokens  BOS {}{added}; EOS {}", show(&t.bos), show(&t.eos))?;
        let template = if self.template.built_in {
            "none: the built-in ChatML is used instead".to_owned()
        } else {
            format!("{} bytes, sha256 {}", self.template.bytes, self.template.sha256)
        };
        writeln!(f, "chat template   {template}")?;
        writeln!(
            f,
            "memory          {} of weights as stored, {} as 32-bit floats,",
            size(self.memory.weights),
            size(self.memory.weights_f32)
        )?;
        writeln!(
            f,
            "                {} of key-value cache for {CACHE_TOKENS} tokens",
            size(self.memory.cache_1024)
        )
    }
}
