//! Prompt tuning: trained rows before each sequence's embeddings (Lester et al. 2021, arXiv 2104.08691).

use super::random::normal;
use super::{Adapter, Fresh, Method, OptionSpec, Parameter, matrix};
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::json;
use smolder_formats::adapter::{AdapterConfig, AdapterTensor, PeftAdapter, Target};
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::{DType, Int, Tensor, TensorData};

const KEY: &str = "prompt_embeddings";

pub(super) const METHOD: Method = Method {
    name: "prompt-tuning",
    peft_type: "PROMPT_TUNING",
    about: "trains virtual tokens that stand before every text",
    options: &[
        OptionSpec { name: "tokens", default: "20", about: "how many" },
        OptionSpec {
            name: "init",
            default: "\"vocabulary\"",
            about: "what they begin as: embeddings drawn from the vocabulary, those of a text, or random",
        },
        OptionSpec { name: "text", default: "\"\"", about: "the text for --init text" },
    ],
    lr: 3e-2,
    idle: |_| false,
    fresh: |fresh| self::fresh(fresh).boxed_local(),
    load: |file, model| Ok(Box::new(Prompt::load(file, model)?)),
    merge: Err("virtual tokens stand before a text and have no place in the weights"),
};

async fn fresh(fresh: Fresh<'_>) -> Result<PeftAdapter> {
    let tokens = fresh.options.integer("tokens", 1..=1024)? as usize;
    let (kind, text) = (fresh.options.text("init")?, fresh.options.text("text")?);
    let width = fresh.model.config().sizes.width as usize;
    let mut random = ChaCha8Rng::seed_from_u64(fresh.seed);
    let values = match kind {
        "vocabulary" => {
            let vocabulary = fresh.model.vocabulary() as u32;
            rows(fresh.model, (0..tokens).map(|_| random.next_u32() % vocabulary).collect()).await?
        }
        "text" => {
            let ids = (fresh.encode)(text);
            if ids.is_empty() {
                return Err(Error::new(Kind::Value, "`text`", "a text to begin with", "nothing"));
            }
            // As PEFT does: the text again and again until it fills the prompt.
            rows(fresh.model, ids.into_iter().cycle().take(tokens).collect()).await?
        }
        "random" => (0..tokens * width).map(|_| normal(&mut random)).collect(),
        other => return Err(Error::new(Kind::Value, "`init`", "vocabulary, text or random", other)),
    };
    let init = if kind == "text" { "TEXT" } else { "RANDOM" };
    let text = (kind == "text").then_some(text);
    let tensor = AdapterTensor {
        target: Target::Model,
        part: KEY.into(),
        shape: vec![tokens as u64, width as u64],
        values,
    };
    Ok(PeftAdapter { config: config(&fresh, tokens, init, text)?, tensors: vec![tensor], base: None })
}

fn config(fresh: &Fresh, tokens: usize, init: &str, text: Option<&str>) -> Result<AdapterConfig> {
    let sizes = &fresh.model.config().sizes;
    let config = json!({
        "auto_mapping": null, "base_model_name_or_path": fresh.base, "inference_mode": true, "modules_to_save": null,
        "num_attention_heads": sizes.heads, "num_layers": sizes.layers, "num_transformer_submodules": 1,
        "num_virtual_tokens": tokens, "peft_type": "PROMPT_TUNING", "prompt_tuning_init": init,
        "prompt_tuning_init_text": text, "revision": null, "task_type": "CAUSAL_LM", "token_dim": sizes.width,
        "tokenizer_kwargs": null, "tokenizer_name_or_path": text.map(|_| fresh.base),
    });
    AdapterConfig::from_json(config.to_string().as_bytes())
}

async fn rows(model: &Model, ids: Vec<u32>) -> Result<Vec<f32>> {
    let ids: Vec<i32> = ids.into_iter().map(u32::cast_signed).collect();
    let len = ids.len();
    let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [len]), (model.device(), DType::I32));
    let failed = |reason: String| Error::new(Kind::Io, "embeddings", "a device that answers", reason);
    let data = model.embeddings(&ids).into_data_async().await.map_err(|error| failed(error.to_string()))?;
    data.try_into_vec::<f32>().map_err(|error| failed(format!("{error:?}")))
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
        if tensor.shape.last() != Some(&width) || tensor.shape.first() == Some(&0) {
            let (field, found) = (format!("tensor `{}`", tensor.key()), format!("{:?}", tensor.shape));
            return Err(Error::new(Kind::Shape, field, format!("rows of {width}, the base's width"), found));
        }
        Ok(Self { rows: matrix(tensor, model)? })
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
