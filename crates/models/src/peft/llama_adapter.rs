//! `LLaMA`-Adapter: attention of a layer also sees virtual tokens P apart from all else, and adds g times what it finds in
//! them, `O·(softmax(q·Kᵀ/√d)·V + g·softmax(q·(W_k·P)ᵀ/√d)·W_v·P)`, g beginning at 0 (Zhang et al. 2023, arXiv 2303.16199).
//!
//! P has keys and values by the layer's own frozen weights, and no positions.

use super::beside::{beside, target, tensor};
use super::random::normal;
use super::{Adapter, Extras, Fresh, Method, OptionSpec, Parameter, Sublayer, config};
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;
use smolder_formats::adapter::{AdapterTensor, PeftAdapter};
use smolder_formats::model::ModelConfig;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::{Tensor, TensorData};
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// P `[1, tokens, width]` and g `[1]`, beside a layer's attention.
const PARTS: [&str; 2] = ["adaption_prompt", "adaption_gate"];

pub(super) const METHOD: Method = Method {
    name: "llama-adapter",
    peft_type: "ADAPTION_PROMPT",
    about: "lets attention see virtual tokens of each layer apart from the text, at first without any weight",
    options: &[
        OptionSpec { name: "tokens", default: "10", about: "how many" },
        OptionSpec {
            name: "layers",
            default: "0",
            about: "how many layers, counted from the last; 0 for all",
        },
    ],
    lr: 1e-2,
    rest: |part| (part == PARTS[1]).then_some(0.0),
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(LlamaAdapter::load(file, model)?)),
    merge: Err("virtual tokens that attention sees have no place in the weights"),
    extras: Extras::NONE,
};

/// As PEFT begins: P from N(0, 1), g zero.
fn fresh(Fresh { options, model, seed, base, .. }: Fresh) -> Result<PeftAdapter> {
    let sizes = &model.config().sizes;
    let (tokens, asked) =
        (options.integer("tokens", 1..=1024)?, options.integer("layers", 0..=sizes.layers)?);
    let layers = if asked == 0 { sizes.layers } else { asked };
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let both = |layer: u64| {
        let attention = Sublayer::Attention(layer as u32);
        let drawn = (0..tokens * sizes.width).map(|_| normal(&mut random)).collect();
        let prompt = tensor(attention, PARTS[0], &[1, tokens, sizes.width], drawn);
        [prompt, tensor(attention, PARTS[1], &[1], vec![0.0])]
    };
    let tensors = (sizes.layers - layers..sizes.layers).flat_map(both).collect();
    let own = json!({ "adapter_layers": layers, "adapter_len": tokens, "target_modules": "self_attn" });
    let mut config = config(base, METHOD.peft_type, own)?;
    // PEFT warns of keys that a method of its does not have.
    config.raw.remove("modules_to_save");
    Ok(PeftAdapter { config, tensors, base: None })
}

/// P and g of each layer that has them.
fn parts<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<BTreeMap<u32, [&'a AdapterTensor; 2]>> {
    let of_attention = |(sublayer, both)| match sublayer {
        Sublayer::Attention(layer) => Ok((layer, both)),
        Sublayer::FeedForward(_) => {
            Err(Error::new(Kind::Unsupported, sublayer.hf(), "virtual tokens for attention", PARTS[0]))
        }
    };
    beside(&file.tensors, sizes, PARTS)?.into_iter().map(of_attention).collect()
}

/// What attention in a layer sees apart from all else.
#[derive(Debug)]
pub struct Adaption {
    /// P `[tokens, width]`
    prompt: Tensor<2>,
    /// g `[1, 1]`
    gate: Tensor<2>,
    /// Keys and values of P, once somebody asked.
    seen: OnceCell<[Tensor<3>; 2]>,
}

impl Adaption {
    fn new(prompt: Tensor<2>, gate: Tensor<2>) -> Self {
        Self { prompt, gate, seen: OnceCell::new() }
    }

    fn load([prompt, gate]: [&AdapterTensor; 2], model: &Model) -> Result<Self> {
        let width = model.config().sizes.width;
        let refused = |tensor: &AdapterTensor, expected: String| {
            let (field, found) = (format!("tensor `{}`", tensor.key()), format!("{:?}", tensor.shape));
            Error::new(Kind::Shape, field, expected, found)
        };
        let rows = match prompt.shape.as_slice() {
            [1, rows, cols] if *cols == width && prompt.values.len() as u64 == rows * cols => *rows,
            _ => 0,
        };
        if rows == 0 {
            return Err(refused(prompt, format!("[1, tokens, {width}], the base's width")));
        }
        let [_] = gate.values.as_slice() else { return Err(refused(gate, "one number".to_owned())) };
        let tensor = |of: &AdapterTensor, shape: [usize; 2]| {
            Tensor::from_data(TensorData::new(of.values.clone(), shape), model.device())
        };
        Ok(Self::new(tensor(prompt, [rows as usize, width as usize]), tensor(gate, [1, 1])))
    }

    /// Keys and values `[tokens, key heads, head width]`, as `make` makes them of P.
    pub(crate) fn seen(&self, make: impl FnOnce(&Tensor<2>) -> [Tensor<3>; 2]) -> [Tensor<3>; 2] {
        self.seen.get_or_init(|| make(&self.prompt)).clone()
    }

    /// g times what was found.
    pub(crate) fn gated(&self, found: Tensor<3>) -> Tensor<3> {
        found * self.gate.clone().reshape([1, 1, 1])
    }
}

#[derive(Debug)]
struct LlamaAdapter(BTreeMap<u32, Adaption>);

impl LlamaAdapter {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let load = |(layer, both): (u32, [&AdapterTensor; 2])| Ok((layer, Adaption::load(both, model)?));
        Ok(Self(parts(file, &model.config().sizes)?.into_iter().map(load).collect::<Result<_>>()?))
    }
}

impl Adapter for LlamaAdapter {
    fn adaption(&self, layer: u32) -> Option<&Adaption> {
        self.0.get(&layer)
    }

    fn parameters(&self) -> Vec<Parameter> {
        let both = |(layer, adaption): (&u32, &Adaption)| {
            let named = |part, value| Parameter::of(target(Sublayer::Attention(*layer)), part, value);
            [named(PARTS[0], &adaption.prompt), named(PARTS[1], &adaption.gate)]
        };
        self.0.iter().flat_map(both).collect()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        let mut values = values.into_iter();
        let adaption = |layer: &u32| Some((*layer, Adaption::new(values.next()?, values.next()?)));
        Box::new(Self(self.0.keys().map_while(adaption).collect()))
    }
}
