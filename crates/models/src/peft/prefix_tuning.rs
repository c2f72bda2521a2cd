//! Prefix tuning: trained keys and values that attention sees before each sequence, in every layer (Li & Liang 2021, arXiv
//! 2101.00190). With a projection a small network makes them of trained embeddings, `W₂·tanh(W₁·E + b₁) + b₂`, and is left
//! out of what is written; without one this is what P-tuning v2 trains (Liu et al. 2022, arXiv 2110.07602).
//!
//! Of virtual token t a row holds key and value of the first layer, of the second, and so on; keys are turned already.

use super::network::{layer, layer_of};
use super::placed::{fits, whole};
use super::prompt_tuning::{TEXT, TOKENS, ids};
use super::random::{normal, spread};
use super::{Adapter, Extras, Fresh, Method, OptionSpec, Parameter, config, on_device};
use crate::cache::Cache;
use crate::model::Model;
use crate::peft::Base;
use crate::read::read;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;
use smolder_formats::adapter::{AdapterTensor, PeftAdapter};
use smolder_formats::model::ModelConfig;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::Tensor;

const ROWS: &str = "prompt_embeddings";
/// Embeddings, and two layers' weights and biases.
const NETWORK: [&str; 5] = [
    "prompt_encoder.embedding.weight",
    "prompt_encoder.transform.0.weight",
    "prompt_encoder.transform.0.bias",
    "prompt_encoder.transform.2.weight",
    "prompt_encoder.transform.2.bias",
];

pub(super) const INIT: OptionSpec = OptionSpec {
    name: "init",
    default: "\"vocabulary\"",
    about: "what they begin as: those of tokens drawn from the vocabulary, of a text, or random",
};
pub(super) const PROJECTION: OptionSpec = OptionSpec {
    name: "projection",
    default: "false",
    about: "let a network make them of embeddings, which begin random",
};
pub(super) const HIDDEN: OptionSpec =
    OptionSpec { name: "hidden", default: "128", about: "width of that network" };

pub(super) const METHOD: Method = Method {
    name: "prefix-tuning",
    peft_type: "PREFIX_TUNING",
    about: "trains keys and values that every layer's attention sees before each text",
    options: &[TOKENS, INIT, TEXT, PROJECTION, HIDDEN],
    lr: 1e-2,
    rest: |_| None,
    fresh: |fresh| self::fresh(fresh).boxed_local(),
    load,
    merge: Err("keys and values before a text have no place in the weights"),
    extras: Extras { export: |file| Ok(written(file)), ..Extras::NONE },
};

/// Numbers of a key or a value, and of a row.
fn widths(sizes: &ModelConfig) -> [u64; 2] {
    let width = sizes.kv_heads * sizes.head_dim;
    [width, 2 * sizes.layers * width]
}

pub(super) async fn fresh(fresh: Fresh<'_>) -> Result<PeftAdapter> {
    let sizes = &fresh.model.config().sizes;
    let (tokens, hidden) =
        (fresh.options.integer("tokens", 1..=1024)?, fresh.options.integer("hidden", 1..=65536)?);
    let (projection, text) = (fresh.options.flag("projection")?, fresh.options.text("text")?);
    let [width, row] = widths(sizes);
    let mut random = ChaCha8Rng::seed_from_u64(fresh.seed);
    let tensors = match (fresh.options.text("init")?, projection) {
        ("vocabulary" | "random", true) => network_tensors(&mut random, [tokens, width, hidden, row]),
        (_, true) => {
            return Err(Error::new(Kind::Value, "`init`", "random beside a projection", "another"));
        }
        ("random", false) => {
            vec![whole(ROWS, &[tokens, row], (0..tokens * row).map(|_| normal(&mut random)).collect())]
        }
        (kind, false) => {
            let ids = ids(&fresh, [kind, text], tokens as usize, &mut random)?;
            vec![whole(ROWS, &[tokens, row], real(fresh.model, &ids).await?)]
        }
    };
    let own = json!({
        "encoder_hidden_size": hidden, "init_weights": null, "num_attention_heads": sizes.kv_heads,
        "num_layers": sizes.layers, "num_transformer_submodules": 1, "num_virtual_tokens": tokens,
        "prefix_projection": projection, "token_dim": width,
    });
    Ok(PeftAdapter { config: config(fresh.base, METHOD.peft_type, own)?, tensors, base: None })
}

/// Embeddings from N(0, 1), layers from U(±1/√inputs).
fn network_tensors(random: &mut ChaCha8Rng, [tokens, width, hidden, row]: [u64; 4]) -> Vec<AdapterTensor> {
    let embedding = (0..tokens * width).map(|_| normal(random)).collect();
    let mut drawn =
        |part, shape: &[u64], inputs| whole(part, shape, spread(random, inputs, shape.iter().product()));
    let layers = [
        drawn(NETWORK[1], &[hidden, width], width),
        drawn(NETWORK[2], &[hidden], width),
        drawn(NETWORK[3], &[row, hidden], hidden),
        drawn(NETWORK[4], &[row], hidden),
    ];
    [vec![whole(NETWORK[0], &[tokens, width], embedding)], layers.into()].concat()
}

/// Keys and values that the model has for these tokens, row by row.
async fn real(model: &Model, ids: &[u32]) -> Result<Vec<f32>> {
    let mut cache = Cache::new(model.config(), 1, ids.len(), model.device());
    let batch = model.batch(&[ids], &Base);
    model.hidden(&batch, Some(&mut cache), &Base);
    let width = widths(&model.config().sizes)[0] as usize;
    let flat = |rows: Tensor<3>| rows.reshape([ids.len(), width]);
    let all = cache.layers.iter().filter_map(|layer| layer.first(ids.len())).flatten().map(flat).collect();
    let failed = |reason: String| Error::new(Kind::Io, "keys and values", "a device that answers", reason);
    read(Tensor::cat(all, 1)).await.map_err(failed)
}

/// The tensors in order, and the shapes that they must have: the rows alone, or the network.
fn parts<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<Vec<(&'a AdapterTensor, [u64; 2])>> {
    let [width, row] = widths(sizes);
    let require = |part: &str| {
        let missing = || Error::new(Kind::Missing, "adapter", part, "none");
        file.tensors.iter().find(|one| one.part == part).ok_or_else(missing)
    };
    let rows = |tensor: &AdapterTensor| tensor.shape.first().copied().unwrap_or_default();
    let parts = match file.tensors.as_slice() {
        [only] if only.part == ROWS => vec![(only, [rows(only), row])],
        _ => {
            let (embedding, hidden) = (require(NETWORK[0])?, rows(require(NETWORK[1])?));
            let shapes = [[rows(embedding), width], [hidden, width], [1, hidden], [row, hidden], [1, row]];
            let each = NETWORK.iter().zip(shapes).map(|(part, shape)| Ok((require(part)?, shape)));
            each.collect::<Result<Vec<_>>>()?
        }
    };
    parts.iter().try_for_each(|(tensor, shape)| fits(tensor, *shape))?;
    Ok(parts)
}

pub(super) fn load(file: &PeftAdapter, model: &Model) -> Result<Box<dyn Adapter>> {
    Ok(Box::new(Prefix::load(file, model)?))
}

#[derive(Debug)]
struct Prefix {
    keys: Vec<String>,
    /// The rows alone, or what makes them.
    values: Vec<Tensor<2>>,
    /// Heads of keys and their width.
    heads: [usize; 2],
}

impl Prefix {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let sizes = &model.config().sizes;
        let parts = parts(file, sizes)?;
        let values = parts.iter().map(|(tensor, shape)| on_device(tensor, *shape, model));
        let (values, keys) =
            (values.collect::<Result<_>>()?, parts.iter().map(|(one, _)| one.key()).collect());
        Ok(Self { keys, values, heads: [sizes.kv_heads as usize, sizes.head_dim as usize] })
    }

    /// Columns of all rows.
    fn columns(&self, from: usize, count: usize) -> Option<Tensor<2>> {
        match self.values.as_slice() {
            [e, w1, b1, w2, b2] => {
                let (w2, b2) = (w2.clone().narrow(0, from, count), b2.clone().narrow(1, from, count));
                Some(layer(layer(e.clone(), w1, b1).tanh(), &w2, &b2))
            }
            rows => Some(rows.first()?.clone().narrow(1, from, count)),
        }
    }
}

impl Adapter for Prefix {
    fn prefix(&self, layer: u32) -> Option<[Tensor<3>; 2]> {
        let ([heads, dim], count) = (self.heads, self.prefix_len());
        let width = heads * dim;
        let both = self.columns(2 * layer as usize * width, 2 * width)?;
        Some([0, width].map(|from| both.clone().narrow(1, from, width).reshape([count, heads, dim])))
    }

    fn prefix_len(&self) -> usize {
        self.values.first().map_or(0, |rows| rows.dims()[0])
    }

    fn parameters(&self) -> Vec<Parameter> {
        let named = self.keys.iter().cloned().zip(&self.values);
        named.map(|(key, value)| Parameter { key, value: value.clone() }).collect()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self { keys: self.keys.clone(), values, heads: self.heads })
    }
}

/// What the network makes, without it.
pub(super) fn written(file: &PeftAdapter) -> PeftAdapter {
    let find = |part: &str| file.tensors.iter().find(|one| one.part == part);
    let [Some(e), Some(w1), Some(b1), Some(w2), Some(b2)] = NETWORK.map(find) else {
        return file.clone();
    };
    let row = |embedding: &[f32]| {
        let inner: Vec<f32> = layer_of(embedding, w1, b1).map(f32::tanh).collect();
        layer_of(&inner, w2, b2).collect::<Vec<_>>()
    };
    let width = e.shape.last().copied().unwrap_or_default().max(1) as usize;
    let values: Vec<f32> = e.values.chunks(width).flat_map(row).collect();
    let shape = [e.shape.first().copied().unwrap_or_default(), b2.values.len() as u64];
    PeftAdapter { tensors: vec![whole(ROWS, &shape, values)], ..file.clone() }
}
