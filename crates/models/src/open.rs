//! A model's files, opened for use: what it is, how it reads and writes text, and where its answers end.

use crate::config::Config;
use crate::description::Description;
use serde_json::{Value, json};
use smolder_formats::adapter::BaseIdentity;
use smolder_formats::gguf::{SplitGguf, table_sha256};
use smolder_formats::safetensors::HfModel;
use smolder_formats::template::{ChatTemplate, Message, Options};
use smolder_formats::tokenizer::{Specials, Tokenizer};
use smolder_formats::{Error, Kind, Result, Source, TensorSource, limits};
use std::io::{Read, Seek};

/// Control tokens that end a text in every model that has them, whether its files say so or not.
const ENDS: [&str; 3] = ["<|endoftext|>", "<|end_of_text|>", "</s>"];
/// A GGUF's keys of tokens that end a text, a turn and a message.
const END_KEYS: [&str; 3] =
    ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];

/// Finds one of a model's files by name; `None` where there is none.
pub type Find<'a, R> = &'a mut dyn FnMut(&str) -> Result<Option<Source<R>>>;

/// A model whose weights are still in its files.
#[derive(Debug)]
pub struct Opened<R> {
    /// What the model is.
    pub config: Config,
    /// How it reads and writes text.
    pub tokenizer: Tokenizer,
    /// How a conversation becomes text; where it is built in, people should know.
    pub template: ChatTemplate,
    /// Tokens that end a text or an answer.
    pub ends: Vec<u32>,
    /// The tensors.
    pub weights: Weights<R>,
}

/// Where the tensors are.
#[allow(clippy::large_enum_variant, reason = "one for each model")]
#[derive(Debug)]
pub enum Weights<R> {
    /// A GGUF, whole or in parts.
    Gguf(SplitGguf<R>),
    /// A folder in Hugging Face's layout.
    Hf(HfModel<R>),
}

impl<R: Read + Seek> Opened<R> {
    /// Opens a GGUF file, or the model that it is a part of.
    ///
    /// # Errors
    /// [`Kind::Missing`] for a file or part; those of [`SplitGguf::open`], [`Config::read`],
    /// [`Tokenizer::from_gguf`] and [`ChatTemplate::new`].
    pub fn gguf(name: &str, find: Find<R>) -> Result<Self> {
        let file = SplitGguf::open(name, |name| required(name, find(name)?))?;
        let named = |error: Error| error.in_file(file.name());
        let metadata = file.metadata();
        let config = Config::read(Description::Gguf(metadata)).map_err(named)?;
        let tokenizer = Tokenizer::from_gguf(metadata).map_err(named)?;
        let source = metadata.string("tokenizer.chat_template").map_err(named)?;
        let template = ChatTemplate::new(source).map_err(named)?;
        let stated = END_KEYS.iter().map(|key| metadata.integer(key)).collect::<Result<Vec<_>>>();
        let stated = stated.map_err(named)?.into_iter().flatten();
        let ends = ends(stated, &tokenizer, &template);
        Ok(Self { config, tokenizer, template, ends, weights: Weights::Gguf(file) })
    }

    /// Opens a folder in Hugging Face's layout.
    ///
    /// # Errors
    /// [`Kind::Missing`] for a file; those of [`HfModel::open`], [`Config::read`], [`Tokenizer::from_json`] and
    /// [`ChatTemplate::new`].
    pub fn hf(find: Find<R>) -> Result<Self> {
        let model = HfModel::open(&mut *find)?;
        let config = Config::read(Description::Json(&model.config_json));
        let config = config.map_err(|e| e.in_file("config.json"))?;
        let tokenizer = model.tokenizer(required("tokenizer.json", find("tokenizer.json")?)?)?;
        let template = model.template(find("chat_template.jinja")?)?;
        let generation = match find("generation_config.json")? {
            Some(mut source) => small_json(&mut source).map_err(|e| e.in_file("generation_config.json"))?,
            None => Value::Null,
        };
        let stated = [&model.config_json, &generation].map(|config| ids(&config["eos_token_id"]));
        let ends = ends(stated.into_iter().flatten(), &tokenizer, &template);
        Ok(Self { config, tokenizer, template, ends, weights: Weights::Hf(model) })
    }

    /// Whether the embedding serves as head.
    pub fn is_tied(&mut self) -> bool {
        if let Some(tied) = self.config.sizes.tied {
            return tied;
        }
        let source = self.weights.source();
        ["output.weight", "lm_head.weight"].iter().all(|name| source.find(name).is_none())
    }

    /// What names this model in the adapters that are trained on it, which takes reading all of it; `progress` is told
    /// the bytes done.
    ///
    /// # Errors
    /// Those of reading.
    pub fn identity(&mut self, progress: &mut dyn FnMut(u64)) -> Result<BaseIdentity> {
        let hashes = match &mut self.weights {
            Weights::Gguf(file) => file.sha256(progress)?,
            Weights::Hf(model) => model.sha256(progress)?,
        };
        let source = self.weights.source();
        let missing = || Error::new(Kind::Missing, "weights", "a file", "none");
        let first = *hashes.first().ok_or_else(missing)?;
        let table = table_sha256(source.tensors());
        let name = source.name().to_owned();
        Ok(BaseIdentity::new(&name, first, table, self.tokenizer.sha256(), self.template.sha256()))
    }
}

impl<R: Read + Seek> Weights<R> {
    /// The tensors, to load them.
    pub fn source(&mut self) -> &mut dyn TensorSource {
        match self {
            Self::Gguf(file) => file,
            Self::Hf(model) => model,
        }
    }
}

fn required<R>(name: &str, found: Option<Source<R>>) -> Result<Source<R>> {
    found.ok_or_else(|| Error::new(Kind::Missing, "", "this file", "none").in_file(name))
}

fn small_json<R: Read + Seek>(source: &mut Source<R>) -> Result<Value> {
    smolder_formats::json::object(&source.read_all(limits::CONFIG_BYTES)?, limits::CONFIG_BYTES)
}

/// One id or a list of them.
fn ids(value: &Value) -> Vec<u64> {
    match value {
        Value::Array(ids) => ids.iter().filter_map(Value::as_u64).collect(),
        one => one.as_u64().into_iter().collect(),
    }
}

/// What ends a text: tokens that the files state, those that always do, and what the template writes behind an answer.
fn ends(stated: impl Iterator<Item = u64>, tokenizer: &Tokenizer, template: &ChatTemplate) -> Vec<u32> {
    let stated = stated.filter_map(|id| u32::try_from(id).ok());
    let known = ENDS.iter().filter_map(|text| tokenizer.id(text)).filter(|id| tokenizer.is_special(*id));
    let mut ends: Vec<u32> = stated.chain(known).collect();
    ends.extend(tokenizer.spec().eos);
    ends.extend(end_of_turn(tokenizer, template));
    ends.retain(|id| (*id as usize) < tokenizer.vocabulary_len());
    ends.sort_unstable();
    ends.dedup();
    ends
}

/// The control token that the template writes behind an answer; none where it fails on a plain conversation.
fn end_of_turn(tokenizer: &Tokenizer, template: &ChatTemplate) -> Option<u32> {
    const ANSWER: &str = "Smolder.";
    let messages = [message("user", "What is this?"), message("assistant", ANSWER)];
    // Any day will do: some templates write one, none writes it behind an answer.
    let options = Options { date: Some((2025, 1, 1)), ..Options::of(tokenizer) };
    let rendered = template.render(tokenizer, &messages, false, &options).ok()?.text();
    let (_, behind) = rendered.rsplit_once(ANSWER)?;
    let ids = tokenizer.encoder().encode(behind, Specials::AsTokens);
    ids.into_iter().find(|id| tokenizer.is_special(*id))
}

/// The ids of a text to go on with, behind the token that the model wants before every text.
///
/// `specials` says whether control tokens spelled in it are such: not where the text is not the caller's own.
pub fn prompt(tokenizer: &Tokenizer, text: &str, specials: Specials) -> Vec<u32> {
    let spec = tokenizer.spec();
    let mut ids: Vec<u32> = spec.bos.filter(|_| spec.add_bos).into_iter().collect();
    ids.extend(tokenizer.encoder().encode(text, specials));
    ids
}

/// A message of a conversation.
pub fn message(role: &str, content: &str) -> Message {
    [("role", role), ("content", content)]
        .map(|(key, text)| (key.to_owned(), json!(text)))
        .into_iter()
        .collect()
}
