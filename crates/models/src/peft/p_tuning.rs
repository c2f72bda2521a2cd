//! P-tuning: virtual tokens that a small network makes of trained embeddings, `P = W₃·σ(W₂·σ(W₁·E + b₁) + b₂) + b₃` with σ the
//! positive part (Liu et al. 2021, arXiv 2103.10385). What is written is P alone, as PEFT does; an adapter of P alone is
//! trained as it is.

use super::network::{layer, layer_of};
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
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::burn::tensor::activation::relu;

/// What is written.
const ROWS: &str = "prompt_embeddings";
/// What is trained: embeddings, and three layers' weights and biases.
const NETWORK: [&str; 7] = [
    "prompt_encoder.embedding.weight",
    "prompt_encoder.mlp_head.0.weight",
    "prompt_encoder.mlp_head.0.bias",
    "prompt_encoder.mlp_head.2.weight",
    "prompt_encoder.mlp_head.2.bias",
    "prompt_encoder.mlp_head.4.weight",
    "prompt_encoder.mlp_head.4.bias",
];

pub(super) const METHOD: Method = Method {
    name: "p-tuning",
    peft_type: "P_TUNING",
    about: "trains virtual tokens through a small network, which is left out of what is written",
    options: &[
        OptionSpec { name: "tokens", default: "20", about: "how many" },
        OptionSpec { name: "hidden", default: "128", about: "width of the network" },
    ],
    lr: 1e-3,
    rest: |_| None,
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(PTuning::load(file, model)?)),
    merge: Err("virtual tokens stand before a text and have no place in the weights"),
    extras: Extras { export, ..Extras::NONE },
};

/// Embeddings from N(0, 1), layers from U(±1/√inputs).
fn fresh(Fresh { options, model, seed, base, .. }: Fresh) -> Result<PeftAdapter> {
    let sizes = &model.config().sizes;
    let (tokens, hidden) = (options.integer("tokens", 1..=1024)?, options.integer("hidden", 1..=65536)?);
    let width = sizes.width;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let embedding = (0..tokens * width).map(|_| normal(&mut random)).collect();
    let mut tensors = vec![whole(NETWORK[0], &[tokens, width], embedding)];
    for (at, [outputs, inputs]) in
        [[hidden, width], [hidden, hidden], [width, hidden]].into_iter().enumerate()
    {
        let weight = spread(&mut random, inputs, outputs * inputs);
        tensors.push(whole(NETWORK[2 * at + 1], &[outputs, inputs], weight));
        tensors.push(whole(NETWORK[2 * at + 2], &[outputs], spread(&mut random, inputs, outputs)));
    }
    let own = json!({
        "encoder_dropout": 0.0, "encoder_hidden_size": hidden, "encoder_num_layers": 2,
        "encoder_reparameterization_type": "MLP", "num_attention_heads": sizes.heads, "num_layers": sizes.layers,
        "num_transformer_submodules": 1, "num_virtual_tokens": tokens, "token_dim": width,
    });
    Ok(PeftAdapter { config: config(base, METHOD.peft_type, own)?, tensors, base: None })
}

/// The tensors in order, and the shapes that they must have: the rows alone, or the network.
fn parts(file: &PeftAdapter) -> Result<Vec<(&AdapterTensor, [u64; 2])>> {
    if let [only] = file.tensors.as_slice()
        && only.part == ROWS
    {
        return Ok(vec![(only, dims(only)?)]);
    }
    let require = |part: &str| {
        let missing = || Error::new(Kind::Missing, "adapter", part, "none");
        file.tensors.iter().find(|one| one.part == part).ok_or_else(missing)
    };
    let ([tokens, width], [hidden, _]) = (dims(require(NETWORK[0])?)?, dims(require(NETWORK[1])?)?);
    let first = [[tokens, width], [hidden, width], [1, hidden]];
    let shapes = [first.as_slice(), &[[hidden, hidden], [1, hidden], [width, hidden], [1, width]]].concat();
    let each = NETWORK.iter().zip(shapes).map(|(part, shape)| Ok((require(part)?, shape)));
    let each = each.collect::<Result<Vec<_>>>()?;
    each.iter().try_for_each(|(tensor, shape)| fits(tensor, *shape))?;
    Ok(each)
}

#[derive(Debug)]
struct PTuning {
    keys: Vec<String>,
    /// The rows `[virtual tokens, width]` alone, or what makes them.
    values: Vec<Tensor<2>>,
}

impl PTuning {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let (width, tensors) = (model.config().sizes.width, parts(file)?);
        if let Some((first, _)) = tensors.first().filter(|(_, [_, cols])| *cols != width) {
            let (field, found) = (format!("tensor `{}`", first.key()), format!("{:?}", first.shape));
            return Err(Error::new(Kind::Shape, field, format!("rows of {width}, the base's width"), found));
        }
        let values = tensors.iter().map(|(tensor, shape)| on_device(tensor, *shape, model));
        let keys = tensors.iter().map(|(tensor, _)| tensor.key()).collect();
        Ok(Self { values: values.collect::<Result<_>>()?, keys })
    }
}

impl Adapter for PTuning {
    fn prompt(&self) -> Option<Tensor<2>> {
        match self.values.as_slice() {
            [e, w1, b1, w2, b2, w3, b3] => {
                let inner = relu(layer(relu(layer(e.clone(), w1, b1)), w2, b2));
                Some(layer(inner, w3, b3))
            }
            rows => rows.first().cloned(),
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
        Box::new(Self { keys: self.keys.clone(), values })
    }
}

/// What the network makes, without it.
fn export(file: &PeftAdapter) -> Result<PeftAdapter> {
    let parts = parts(file)?;
    let [(embedding, shape), layers @ ..] = parts.as_slice() else { return Ok(file.clone()) };
    let mut rows: Vec<Vec<f32>> = embedding.values.chunks(shape[1] as usize).map(<[f32]>::to_vec).collect();
    for (at, pair) in layers.chunks_exact(2).enumerate() {
        let [(weight, _), (bias, _)] = pair else { continue };
        // Nothing is cut off behind the last.
        let cut = |x: f32| if at < 2 { x.max(0.0) } else { x };
        rows = rows.iter().map(|row| layer_of(row, weight, bias).map(cut).collect()).collect();
    }
    let rows = whole(ROWS, shape, rows.concat());
    Ok(PeftAdapter { tensors: vec![rows], ..file.clone() })
}
