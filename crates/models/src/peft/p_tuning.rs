//! P-tuning: virtual tokens that a small network makes of trained embeddings E (Liu et al. 2021, arXiv 2103.10385): three
//! layers, `P = W₃·σ(W₂·σ(W₁·E + b₁) + b₂) + b₃` with σ the positive part, or a [bidirectional LSTM](super::lstm) and two,
//! `P = W₂·σ(W₁·LSTM(E) + b₁) + b₂`. What is written is P alone, as PEFT does; an adapter of P alone is trained as it is.

use super::lstm::{self, LAYERS, lstm};
use super::network::layer;
use super::placed::{dims, fits, whole};
use super::random::{normal, spread};
use super::{Adapter, Extras, Fresh, Method, OptionSpec, Parameter, config, on_device};
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;
use smolder_formats::adapter::{AdapterTensor, PeftAdapter};
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::activation::relu;
use smolder_kernels::burn::tensor::{Device, Tensor, TensorData};

/// What is written.
const ROWS: &str = "prompt_embeddings";
/// What is trained beside the network.
const EMBEDDINGS: &str = "prompt_encoder.embedding.weight";

pub(super) const METHOD: Method = Method {
    name: "p-tuning",
    peft_type: "P_TUNING",
    about: "trains virtual tokens through a small network, which is left out of what is written",
    options: &[
        OptionSpec { name: "tokens", default: "20", about: "how many" },
        OptionSpec { name: "hidden", default: "128", about: "width of the network" },
        OptionSpec {
            name: "encoder",
            default: "\"mlp\"",
            about: "the network: mlp for three layers, lstm for one that sees all virtual tokens and two layers",
        },
    ],
    lr: 1e-3,
    rest: |_| None,
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(PTuning::load(file, model)?)),
    merge: Err("virtual tokens stand before a text and have no place in the weights"),
    extras: Extras { export, ..Extras::NONE },
};

/// What makes virtual tokens of embeddings.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Encoder {
    /// Three layers.
    Mlp,
    /// An LSTM and two layers.
    Lstm,
}

/// One of the network's tensors: its name, its shape, a vector as one row, and how many numbers its layer sums up.
type Part = (String, [u64; 2], u64);

impl Encoder {
    /// Embeddings of `width` numbers, and a network of width `hidden`, in the order in which it computes.
    fn parts(self, [tokens, width, hidden]: [u64; 3]) -> Vec<Part> {
        let head = |at: usize, [outputs, inputs]: [u64; 2]| {
            let named = |part: &str| format!("prompt_encoder.mlp_head.{}.{part}", 2 * at);
            [(named("weight"), [outputs, inputs], inputs), (named("bias"), [1, outputs], inputs)]
        };
        let (first, layers) = match self {
            Self::Mlp => (Vec::new(), vec![[hidden, width], [hidden, hidden], [width, hidden]]),
            Self::Lstm => (lstm::parts(width, hidden), vec![[2 * hidden; 2], [width, 2 * hidden]]),
        };
        let embeddings = (EMBEDDINGS.to_owned(), [tokens, width], 1);
        let layers = layers.into_iter().enumerate().flat_map(|(at, shape)| head(at, shape));
        [embeddings].into_iter().chain(first).chain(layers).collect()
    }

    /// P of embeddings and network.
    fn rows(self, values: &[Tensor<2>]) -> Option<Tensor<2>> {
        let (embeddings, network) = values.split_first()?;
        let (x, layers) = match self {
            Self::Mlp => (embeddings.clone(), network),
            Self::Lstm => lstm(embeddings.clone(), network)?,
        };
        let last = layers.len() / 2 - 1;
        let apply = |x: Tensor<2>, (at, pair): (usize, &[Tensor<2>])| match pair {
            [weight, bias] if at < last => Some(relu(layer(x, weight, bias))),
            [weight, bias] => Some(layer(x, weight, bias)),
            _ => None,
        };
        layers.chunks(2).enumerate().try_fold(x, apply)
    }
}

/// Embeddings from N(0, 1), layers from U(±1/√inputs).
fn fresh(Fresh { options, model, seed, base, .. }: Fresh) -> Result<PeftAdapter> {
    let sizes = &model.config().sizes;
    let (tokens, hidden) = (options.integer("tokens", 1..=1024)?, options.integer("hidden", 1..=65536)?);
    let encoder = match options.text("encoder")? {
        "mlp" => Encoder::Mlp,
        "lstm" => Encoder::Lstm,
        other => return Err(Error::new(Kind::Value, "`encoder`", "mlp or lstm", other)),
    };
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = |(name, shape, inputs): Part| {
        let count = shape[0] * shape[1];
        if name == EMBEDDINGS {
            return whole(&name, &shape, (0..count).map(|_| normal(&mut random)).collect());
        }
        let shape = if name.contains("bias") { &shape[1..] } else { &shape[..] };
        whole(&name, shape, spread(&mut random, inputs, count))
    };
    let tensors = encoder.parts([tokens, sizes.width, hidden]).into_iter().map(&mut drawn).collect();
    let own = json!({
        "encoder_dropout": 0.0, "encoder_hidden_size": hidden, "encoder_num_layers": LAYERS,
        "encoder_reparameterization_type": if encoder == Encoder::Lstm { "LSTM" } else { "MLP" },
        "num_attention_heads": sizes.heads, "num_layers": sizes.layers, "num_transformer_submodules": 1,
        "num_virtual_tokens": tokens, "token_dim": sizes.width,
    });
    Ok(PeftAdapter { config: config(base, METHOD.peft_type, own)?, tensors, base: None })
}

/// Tensors, and the shapes that they must have.
type Found<'a> = Vec<(&'a AdapterTensor, [u64; 2])>;

/// The tensors in order: the rows alone, or embeddings and network.
fn parts(file: &PeftAdapter) -> Result<(Encoder, Found<'_>)> {
    if let [only] = file.tensors.as_slice()
        && only.part == ROWS
    {
        return Ok((Encoder::Mlp, vec![(only, dims(only)?)]));
    }
    let find = |part: &str| file.tensors.iter().find(|one| one.part == part);
    let require = |part: &str| find(part).ok_or_else(|| Error::new(Kind::Missing, "adapter", part, "none"));
    let [tokens, width] = dims(require(EMBEDDINGS)?)?;
    let (encoder, hidden) = match find(lstm::STATE) {
        Some(state) => (Encoder::Lstm, dims(state)?[1]),
        None => (Encoder::Mlp, dims(require("prompt_encoder.mlp_head.0.weight")?)?[0]),
    };
    let each = encoder.parts([tokens, width, hidden]).into_iter();
    let each = each.map(|(part, shape, _)| Ok((require(&part)?, shape))).collect::<Result<Vec<_>>>()?;
    each.iter().try_for_each(|(tensor, shape)| fits(tensor, *shape))?;
    Ok((encoder, each))
}

#[derive(Debug)]
struct PTuning {
    encoder: Encoder,
    keys: Vec<String>,
    /// The rows `[virtual tokens, width]` alone, or what makes them.
    values: Vec<Tensor<2>>,
}

impl PTuning {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let (width, (encoder, tensors)) = (model.config().sizes.width, parts(file)?);
        if let Some((first, _)) = tensors.first().filter(|(_, [_, cols])| *cols != width) {
            let (field, found) = (format!("tensor `{}`", first.key()), format!("{:?}", first.shape));
            return Err(Error::new(Kind::Shape, field, format!("rows of {width}, the base's width"), found));
        }
        let values = tensors.iter().map(|(tensor, shape)| on_device(tensor, *shape, model));
        let keys = tensors.iter().map(|(tensor, _)| tensor.key()).collect();
        Ok(Self { encoder, values: values.collect::<Result<_>>()?, keys })
    }
}

impl Adapter for PTuning {
    fn prompt(&self) -> Option<Tensor<2>> {
        match self.values.as_slice() {
            [rows] => Some(rows.clone()),
            all => self.encoder.rows(all),
        }
    }

    fn prompt_len(&self) -> usize {
        self.values.first().map_or(0, |rows| rows.dims()[0])
    }

    fn changes_input(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Parameter> {
        let named = self.keys.iter().cloned().zip(&self.values);
        named.map(|(key, value)| Parameter { key, value: value.clone() }).collect()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self { keys: self.keys.clone(), values, ..*self })
    }
}

/// What the network makes, without it.
fn export(file: &PeftAdapter) -> Result<PeftAdapter> {
    let (encoder, parts) = parts(file)?;
    let [(_, shape), _, ..] = parts.as_slice() else { return Ok(file.clone()) };
    let on_processor = |(tensor, shape): &(&AdapterTensor, [u64; 2])| {
        let data = TensorData::new(tensor.values.clone(), shape.map(|dim| dim as usize));
        Tensor::<2>::from_data(data, &Device::flex())
    };
    let rows = encoder.rows(&parts.iter().map(on_processor).collect::<Vec<_>>());
    let numbers = rows.and_then(|rows| rows.try_into_data().ok()?.try_into_vec().ok());
    let missing = || Error::new(Kind::Missing, "adapter", "a network that makes virtual tokens", "none");
    let rows = whole(ROWS, shape, numbers.ok_or_else(missing)?);
    Ok(PeftAdapter { tensors: vec![rows], ..file.clone() })
}
