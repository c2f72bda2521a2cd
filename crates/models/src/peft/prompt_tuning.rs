//! Prompt tuning: trained rows before each sequence's embeddings (Lester et al. 2021, arXiv 2104.08691).

use super::placed::whole;
use super::random::normal;
use super::{Adapter, Extras, Fresh, Method, OptionSpec, Parameter, config, on_device};
use crate::model::Model;
use crate::read::read;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::json;
use smolder_formats::adapter::{AdapterConfig, PeftAdapter};
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::{DType, Int, Tensor, TensorData};

pub(super) const KEY: &str = "prompt_embeddings";

pub(super) const TOKENS: OptionSpec = OptionSpec { name: "tokens", default: "20", about: "how many" };
pub(super) const INIT: OptionSpec = OptionSpec {
    name: "init",
    default: "\"vocabulary\"",
    about: "what they begin as: embeddings drawn from the vocabulary, those of a text, or random",
};
pub(super) const TEXT: OptionSpec =
    OptionSpec { name: "text", default: "\"\"", about: "the text for --init text" };

pub(super) const METHOD: Method = Method {
    name: "prompt-tuning",
    peft_type: "PROMPT_TUNING",
    about: "trains virtual tokens that stand before every text",
    options: &[TOKENS, INIT, TEXT],
    lr: 3e-2,
    rest: |_| None,
    fresh: |fresh| self::fresh(fresh).boxed_local(),
    load: |file, model| Ok(Box::new(Prompt::load(file, model)?)),
    merge: Err("virtual tokens stand before a text and have no place in the weights"),
    extras: Extras::NONE,
};

pub(super) async fn fresh(fresh: Fresh<'_>) -> Result<PeftAdapter> {
    let tokens = fresh.options.integer("tokens", 1..=1024)? as usize;
    let (kind, text) = (fresh.options.text("init")?, fresh.options.text("text")?);
    let width = fresh.model.config().sizes.width as usize;
    let mut random = ChaCha8Rng::seed_from_u64(fresh.seed);
    let values = match kind {
        "random" => (0..tokens * width).map(|_| normal(&mut random)).collect(),
        _ => rows(fresh.model, ids(&fresh, [kind, text], tokens, &mut random)?).await?,
    };
    let init = if kind == "text" { "TEXT" } else { "RANDOM" };
    let text = (kind == "text").then_some(text);
    let tensor = whole(KEY, &[tokens as u64, width as u64], values);
    Ok(PeftAdapter { config: config_of(&fresh, tokens, init, text)?, tensors: vec![tensor], base: None })
}

/// Tokens to begin with: drawn from the vocabulary, or those of a text, again and again until they are enough, as PEFT
/// does.
pub(super) fn ids(
    fresh: &Fresh,
    [kind, text]: [&str; 2],
    count: usize,
    random: &mut ChaCha8Rng,
) -> Result<Vec<u32>> {
    match kind {
        "vocabulary" => {
            let vocabulary = fresh.model.vocabulary() as u32;
            Ok((0..count).map(|_| random.next_u32() % vocabulary).collect())
        }
        "text" => match (fresh.encode)(text) {
            ids if ids.is_empty() => {
                Err(Error::new(Kind::Value, "`text`", "a text to begin with", "nothing"))
            }
            ids => Ok(ids.into_iter().cycle().take(count).collect()),
        },
        other => Err(Error::new(Kind::Value, "`init`", "vocabulary, text or random", other)),
    }
}

fn config_of(fresh: &Fresh, tokens: usize, init: &str, text: Option<&str>) -> Result<AdapterConfig> {
    let sizes = &fresh.model.config().sizes;
    let own = json!({
        "num_attention_heads": sizes.heads, "num_layers": sizes.layers, "num_transformer_submodules": 1,
        "num_virtual_tokens": tokens, "prompt_tuning_init": init, "prompt_tuning_init_text": text,
        "token_dim": sizes.width, "tokenizer_kwargs": null, "tokenizer_name_or_path": text.map(|_| fresh.base),
    });
    config(fresh.base, "PROMPT_TUNING", own)
}

async fn rows(model: &Model, ids: Vec<u32>) -> Result<Vec<f32>> {
    let ids: Vec<i32> = ids.into_iter().map(u32::cast_signed).collect();
    let len = ids.len();
    let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [len]), (model.device(), DType::I32));
    let failed = |reason| Error::new(Kind::Io, "embeddings", "a device that answers", reason);
    read(model.embeddings(&ids)).await.map_err(failed)
}

#[derive(Debug)]
struct Prompt {
    /// `[virtual tokens, width]`
    rows: Tensor<2>,
}

impl Prompt {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let [tensor] = file.tensors.as_slice() else {
            let found = format!("{} tensors", file.tensors.len());
            return Err(Error::new(Kind::Value, "adapter", format!("`{KEY}` alone"), found));
        };
        let width = model.config().sizes.width;
        if !matches!(tensor.shape.as_slice(), [rows, cols] if *rows > 0 && *cols == width) {
            let (field, found) = (format!("tensor `{}`", tensor.key()), format!("{:?}", tensor.shape));
            return Err(Error::new(Kind::Shape, field, format!("rows of {width}, the base's width"), found));
        }
        let tokens = tensor.shape.first().copied().unwrap_or_default();
        Ok(Self { rows: on_device(tensor, [tokens, width], model)? })
    }
}

impl Adapter for Prompt {
    fn prompt(&self) -> Option<Tensor<2>> {
        Some(self.rows.clone())
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter { key: KEY.to_owned(), value: self.rows.clone() }]
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        let rows = values.into_iter().next().unwrap_or_else(|| self.rows.clone());
        Box::new(Self { rows })
    }
}
