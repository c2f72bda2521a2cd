//! A base model as a Hugging Face directory: `config.json`, one or several safetensors files, `tokenizer.json`.

use std::collections::{BTreeMap, HashSet};
use std::io::{Read, Seek};

use serde::Deserialize;
use serde_json::Value;

use super::header::Pairs;
use super::reader::Safetensors;
use crate::error::{Error, Kind, Result};
use crate::limits;
use crate::model::ModelConfig;
use crate::source::{Sha256Hash, Source};
use crate::template::{ChatTemplate, not_utf8};
use crate::tensor::{TensorInfo, TensorSource, part_name, read_from};
use crate::tokenizer::{Tokenizer, TokenizerConfig};

const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// A model directory, as one table.
#[derive(Debug)]
pub struct HfModel<R> {
    /// Its sizes.
    pub config: ModelConfig,
    /// All of `config.json`.
    pub config_json: Value,
    /// `tokenizer_config.json`; empty where there is none.
    pub tokenizer_config: TokenizerConfig,
    parts: Vec<Safetensors<R>>,
    tensors: Vec<TensorInfo>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: Pairs,
}

impl<R: Read + Seek> HfModel<R> {
    /// Opens a directory; `open` finds a file in it by name, `None` where there is none.
    ///
    /// # Errors
    /// [`Kind::Missing`] for `config.json`, the weights or a shard of them; [`Kind::Mismatch`] for an index that the
    /// shards contradict; the errors of [`Safetensors::open`] and [`ModelConfig::from_json`].
    pub fn open(mut open: impl FnMut(&str) -> Result<Option<Source<R>>>) -> Result<Self> {
        let config = require(&mut open, "config.json")?;
        let (config, config_json) = small(config, limits::CONFIG_BYTES, |bytes| {
            let json = crate::json::object(bytes, limits::CONFIG_BYTES)?;
            Ok((ModelConfig::from_value(&json)?, json))
        })?;
        let tokenizer_config = match open("tokenizer_config.json")? {
            Some(source) => small(source, limits::TOKENIZER_CONFIG_BYTES, TokenizerConfig::from_json)?,
            None => TokenizerConfig::default(),
        };
        let (parts, tensors) = if let Some(index) = open(INDEX)? {
            shards(index, &mut open)?
        } else {
            let part = Safetensors::open(require(&mut open, WHOLE)?)?;
            let tensors = part.tensors().to_vec();
            (vec![part], tensors)
        };
        Ok(Self { config, config_json, tokenizer_config, parts, tensors })
    }

    /// The tokenizer from this directory's `tokenizer.json`.
    ///
    /// # Errors
    /// Those of [`Tokenizer::from_json`].
    pub fn tokenizer(&self, mut source: Source<R>) -> Result<Tokenizer> {
        let name = source.name().to_owned();
        let json = source.read_all(limits::TOKENIZER_BYTES)?;
        Tokenizer::from_json(&json, &self.tokenizer_config).map_err(|e| e.in_file(&name))
    }

    /// The chat template: `file`, a `chat_template.jinja`, goes before `tokenizer_config.json`, as in transformers.
    ///
    /// # Errors
    /// Those of [`ChatTemplate::new`]; [`Kind::Encoding`] for a file that is not UTF-8.
    pub fn template(&self, file: Option<Source<R>>) -> Result<ChatTemplate> {
        let Some(mut source) = file else {
            let text = self.tokenizer_config.chat_template.as_deref();
            return ChatTemplate::new(text).map_err(|e| e.in_file("tokenizer_config.json"));
        };
        let text = String::from_utf8(source.read_all(limits::TEMPLATE_BYTES as u64)?);
        let text = text.map_err(|e| not_utf8(&e));
        text.and_then(|text| ChatTemplate::new(Some(&text))).map_err(|e| e.in_file(source.name()))
    }

    /// The number of files of weights.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Bytes in all files of weights.
    pub fn file_bytes(&self) -> u64 {
        self.parts.iter().map(Safetensors::file_bytes).sum()
    }

    /// SHA-256 of each file of weights, in order; `progress` is told how many bytes of all are done.
    ///
    /// # Errors
    /// Those of reading.
    pub fn sha256(&mut self, progress: &mut dyn FnMut(u64)) -> Result<Vec<Sha256Hash>> {
        let mut before = 0;
        let mut hashes = Vec::with_capacity(self.parts.len());
        for part in &mut self.parts {
            let mut done = before;
            hashes.push(part.sha256(&mut |bytes| {
                done = before + bytes;
                progress(done);
            })?);
            before = done;
        }
        Ok(hashes)
    }
}

/// A file that must be there.
pub(crate) fn require<R>(
    open: &mut (impl FnMut(&str) -> Result<Option<Source<R>>> + ?Sized),
    name: &str,
) -> Result<Source<R>> {
    let absent = || Error::new(Kind::Missing, "", "this file", "a directory without it").in_file(name);
    open(name)?.ok_or_else(absent)
}

fn small<R: Read + Seek, T>(
    mut source: Source<R>,
    limit: u64,
    parse: impl Fn(&[u8]) -> Result<T>,
) -> Result<T> {
    let bytes = source.read_all(limit)?;
    parse(&bytes).map_err(|e| e.in_file(source.name()))
}

type Joined<R> = (Vec<Safetensors<R>>, Vec<TensorInfo>);

fn shards<R: Read + Seek>(
    index: Source<R>,
    open: &mut impl FnMut(&str) -> Result<Option<Source<R>>>,
) -> Result<Joined<R>> {
    let Index { weight_map } = small(index, limits::INDEX_BYTES, |bytes| {
        crate::json::typed(bytes, limits::INDEX_BYTES, "an index of shards")
    })?;
    let mut files: BTreeMap<&str, HashSet<&str>> = BTreeMap::new();
    for (tensor, file) in &weight_map.0 {
        files.entry(file).or_default().insert(tensor);
    }
    if files.len() > usize::from(limits::SHARDS) {
        let expected = format!("at most {} shards", limits::SHARDS);
        return Err(Error::new(Kind::Limit, "`weight_map`", expected, files.len()).in_file(INDEX));
    }
    let (mut parts, mut tensors) = (Vec::new(), Vec::new());
    for (number, (file, listed)) in files.into_iter().enumerate() {
        if file.contains(['/', '\\']) || !file.ends_with(".safetensors") {
            return Err(
                Error::new(Kind::Value, "`weight_map`", "names of safetensors files", file).in_file(INDEX)
            );
        }
        let part = Safetensors::open(require(open, file)?)?;
        let held: HashSet<&str> = part.tensors().iter().map(|tensor| tensor.name.as_str()).collect();
        if let Some(name) = listed.symmetric_difference(&held).min() {
            let expected = "the tensors that the index lists";
            return Err(
                Error::new(Kind::Mismatch, format!("tensor `{name}`"), expected, "another set").in_file(file)
            );
        }
        tensors
            .extend(part.tensors().iter().map(|tensor| TensorInfo { part: number as u16, ..tensor.clone() }));
        parts.push(part);
    }
    Ok((parts, tensors))
}

impl<R: Read + Seek> TensorSource for HfModel<R> {
    fn name(&self) -> &str {
        self.parts.first().map_or("", |part| part.name())
    }

    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn file_of(&self, tensor: &TensorInfo) -> &str {
        part_name(&self.parts, tensor)
    }

    fn read_part(&mut self, tensor: &TensorInfo, offset: u64, buffer: &mut [u8]) -> Result<()> {
        read_from(&mut self.parts, tensor, offset, buffer)
    }
}
