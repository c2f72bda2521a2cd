//! What a model file is, for people and for programs.

mod card;
mod report;
mod text;
mod weights;

pub use report::{Memory, Report, Sizes, TemplateReport, TokenizerReport};
pub use text::size;
pub use weights::{Holds, Weights};

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use serde_json::Value;

use crate::error::{Kind, Result};
use crate::gguf::{SplitGguf, table_sha256};
use crate::model::ModelConfig;
use crate::names::known;
use crate::safetensors::{HfModel, require};
use crate::source::{Sha256Hash, Source};
use crate::template::ChatTemplate;
use crate::tensor::{TensorInfo, TensorSource};
use crate::tokenizer::{Style, Tokenizer};

/// Tokens that the stated key-value cache is for.
const CACHE_TOKENS: u64 = 1024;

/// What differs between the forms of a model.
struct About {
    file: String,
    format: String,
    name: Option<String>,
    licence: Option<String>,
    /// What a file that holds a tokenizer alone may leave out.
    config: Option<ModelConfig>,
    tokenizer: TokenizerReport,
    template: ChatTemplate,
}

impl Report {
    /// Reads everything of a GGUF but payloads; with `hash`, those too, for SHA-256: then `progress` is told the bytes
    /// done and those there are.
    ///
    /// # Errors
    /// Those of the model's sizes, tensors, tokenizer and template.
    pub fn gguf<R: Read + Seek>(
        file: &str,
        model: &mut SplitGguf<R>,
        hash: bool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self> {
        let about = gguf(file, model).map_err(|error| error.in_file(file))?;
        let (parts, bytes) = (model.parts(), model.len());
        let mut report = about.report(model, parts, bytes)?;
        if hash {
            report.sha256 = hex(&model.sha256(&mut |done| progress(done, bytes))?);
        }
        Ok(report)
    }

    /// The same of a folder in Hugging Face's layout; `find` finds a file in it by name, `None` where there is none.
    ///
    /// # Errors
    /// [`crate::Kind::Missing`] for a file; those of [`HfModel::open`] and of the model's tensors, tokenizer and
    /// template.
    pub fn hf<R: Read + Seek>(
        folder: &str,
        find: &mut dyn FnMut(&str) -> Result<Option<Source<R>>>,
        hash: bool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self> {
        let mut model = HfModel::open(&mut *find)?;
        let about = hf(folder, &model, find)?;
        let (parts, bytes) = (model.parts(), model.file_bytes());
        let mut report = about.report(&model, parts, bytes)?;
        if hash {
            report.sha256 = hex(&model.sha256(&mut |done| progress(done, bytes))?);
        }
        Ok(report)
    }
}

fn gguf<R: Read + Seek>(file: &str, model: &SplitGguf<R>) -> Result<About> {
    let metadata = model.metadata();
    let text = |key: &str| metadata.string(key).map(|value| value.map(str::to_owned));
    let unknown = |kind| matches!(kind, Kind::Missing | Kind::Unsupported);
    let kind = [text("tokenizer.ggml.model")?, text("tokenizer.ggml.pre")?].map(Option::unwrap_or_default);
    Ok(About {
        file: file.to_owned(),
        format: format!("GGUF version {}", model.version()),
        name: text("general.name")?,
        licence: match text("general.license")? {
            Some(other) if other == "other" => text("general.license.name")?.or(Some(other)),
            stated => stated,
        },
        config: match ModelConfig::from_gguf(metadata) {
            Err(error) if unknown(error.kind) && model.tensors().is_empty() => None,
            config => Some(config?),
        },
        tokenizer: tokenizer_report(Tokenizer::from_gguf(metadata), |_| kind.join(" ").trim().to_owned())?,
        template: ChatTemplate::new(metadata.string("tokenizer.chat_template")?)?,
    })
}

fn hf<R: Read + Seek>(
    folder: &str,
    model: &HfModel<R>,
    find: &mut dyn FnMut(&str) -> Result<Option<Source<R>>>,
) -> Result<About> {
    let tokenizer = model.tokenizer(require(&mut *find, "tokenizer.json")?);
    let kind = |tokenizer: &Tokenizer| match tokenizer.spec().style {
        Style::ByteLevel { .. } => "byte-level BPE".to_owned(),
        Style::SentencePiece { .. } => "SentencePiece".to_owned(),
    };
    let name = model.config_json.get("_name_or_path").and_then(Value::as_str);
    Ok(About {
        file: folder.to_owned(),
        format: "safetensors".to_owned(),
        name: name.filter(|name| !name.is_empty()).map(str::to_owned),
        licence: find("README.md")?.map(card::licence).transpose()?.flatten(),
        config: Some(model.config.clone()),
        tokenizer: tokenizer_report(tokenizer, kind)?,
        template: model.template(find("chat_template.jinja")?)?,
    })
}

impl About {
    fn report(self, model: &dyn TensorSource, parts: usize, bytes: u64) -> Result<Report> {
        let Self { file, format, name, licence, config, tokenizer, template } = self;
        let tensors = model.tensors();
        let known = |config: &&ModelConfig| known(&config.architecture).is_ok();
        if let Some(config) = config.as_ref().filter(known).filter(|_| !tensors.is_empty()) {
            config.check_tensors(model)?;
        }
        let (types, parameters) = counted(tensors);
        Ok(Report {
            file,
            parts,
            bytes,
            sha256: Vec::new(),
            table_sha256: table_sha256(tensors).to_string(),
            format,
            name,
            licence,
            types,
            parameters,
            tokenizer,
            template: template_report(&template),
            memory: Memory {
                weights: tensors.iter().map(|tensor| tensor.bytes).sum(),
                weights_f32: parameters * 4,
                cache_1024: config.as_ref().map_or(0, |config| config.cache_bytes(CACHE_TOKENS)),
            },
            model: config.map(sizes),
        })
    }
}

/// Tensors of each type, and elements in all.
fn counted(tensors: &[TensorInfo]) -> (BTreeMap<String, usize>, u64) {
    let mut types = BTreeMap::new();
    for tensor in tensors {
        *types.entry(tensor.dtype.name().to_owned()).or_default() += 1;
    }
    (types, tensors.iter().map(TensorInfo::elements).sum())
}

fn hex(hashes: &[Sha256Hash]) -> Vec<String> {
    hashes.iter().map(ToString::to_string).collect()
}

fn template_report(template: &ChatTemplate) -> TemplateReport {
    TemplateReport {
        built_in: template.is_built_in(),
        bytes: template.source().len(),
        sha256: template.sha256().to_string(),
        source: template.source().to_owned(),
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

/// What there is to say of a tokenizer, and of one that this program does not know.
fn tokenizer_report(
    read: Result<Tokenizer>,
    kind: impl FnOnce(&Tokenizer) -> String,
) -> Result<TokenizerReport> {
    let tokenizer = match read {
        Err(error) if error.kind == Kind::Unsupported => {
            let kind = format!("not supported: {}", error.found);
            let (bos, eos, sha256) = (None, None, None);
            return Ok(TokenizerReport { kind, vocabulary: 0, merges: 0, bos, add_bos: false, eos, sha256 });
        }
        other => other?,
    };
    let spec = tokenizer.spec();
    let text = |id: Option<u32>| id.and_then(|id| tokenizer.token(id)).map(str::to_owned);
    Ok(TokenizerReport {
        kind: kind(&tokenizer),
        vocabulary: tokenizer.vocabulary_len(),
        merges: tokenizer.merges_len(),
        bos: text(spec.bos),
        add_bos: spec.add_bos,
        eos: text(spec.eos),
        sha256: Some(tokenizer.sha256().to_string()),
    })
}
