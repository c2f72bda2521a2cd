//! LoRA: `y = W·x + s·B·(A·x)` with A `[rank, in]`, B `[out, rank]`, `s = α/r` (Hu et al. 2021, arXiv 2106.09685), or
//! `s = α/√r` (rsLoRA, Kalajdzievski 2023, arXiv 2312.03732). In training some numbers of x are left out before A.

mod merge;

use super::{Adapter, Fresh, Method, OptionSpec, Options, Parameter, matrix};
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::{Map, Value};
use smolder_formats::adapter::{
    AdapterConfig, AdapterTensor, LoraAdapter, LoraPair, PeftAdapter, Scale, Target,
};
use smolder_formats::names::{Place, Projection};
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::dropout;
use std::collections::BTreeMap;

pub(super) const METHOD: Method = Method {
    name: "lora",
    peft_type: "LORA",
    about: "adds a product of two narrow matrices to linear layers",
    options: &[
        OptionSpec { name: "rank", default: "8", about: "width of the two matrices" },
        OptionSpec { name: "alpha", default: "16", about: "the product counts α/rank" },
        OptionSpec { name: "rslora", default: "false", about: "let it count α/√rank" },
        OptionSpec {
            name: "targets",
            default: "\"all-linear\"",
            about: "which linear layers, as in q_proj,v_proj; all-linear for every one",
        },
        OptionSpec {
            name: "ranks",
            default: "\"\"",
            about: "other ranks for some of them, as in v_proj=16,layers.0.self_attn.q_proj=4",
        },
        OptionSpec { name: "alphas", default: "\"\"", about: "other alphas for some of them, likewise" },
        OptionSpec { name: "dropout", default: "0", about: "share of their inputs that training leaves out" },
    ],
    lr: 1e-3,
    idle: |file| {
        file.tensors.iter().all(|one| !one.part.contains("lora_B") || one.values.iter().all(|b| *b == 0.0))
    },
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(Lora::load(file, model)?)),
    merge: Ok(merge::merge),
};

/// A from U(±1/√in), B zero, as PEFT begins.
fn fresh(Fresh { options, model, seed, base, .. }: Fresh) -> Result<PeftAdapter> {
    let scale = Scale {
        rank: options.integer("rank", 1..=4096)?,
        alpha: options.number("alpha", 1e-6..=1e6)?,
        by_root: options.flag("rslora")?,
    };
    let dropout = options.number("dropout", 0.0..=0.99)?;
    let targets = targets(options.text("targets")?, &model.config().sizes.architecture)?;
    let names: Vec<&str> = targets.iter().map(|one| one.name()).collect();
    let mut config = AdapterConfig::lora(base, &names, scale, dropout);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let layers = 0..model.config().sizes.layers as u32;
    let places = layers.flat_map(|layer| targets.iter().map(move |one| Place { layer, projection: *one }));
    let places: Vec<Place> = places.collect();
    for (name, key) in [("ranks", "rank_pattern"), ("alphas", "alpha_pattern")] {
        config.raw.insert(key.to_owned(), pattern(options, name, &places)?.into());
    }
    let pair = |place: Place| {
        let Some([outputs, inputs]) = model.config().sizes.weight(place) else { return Ok(None) };
        let scale = config.scale(&place.hf())?;
        let bound = (inputs as f32).sqrt().recip();
        let mut uniform = || (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
        let a = (0..scale.rank * inputs).map(|_| bound * uniform()).collect();
        let b = vec![0.0; (outputs * scale.rank) as usize];
        Ok(Some(LoraPair { place, scale, inputs, outputs, a, b, magnitude: None }))
    };
    let pairs = places.into_iter().map(pair).filter_map(Result::transpose).collect::<Result<_>>()?;
    Ok(LoraAdapter { pairs, config, base: None }.to_peft())
}

/// `module=number` for the ends of some places' paths, as in PEFT's `rank_pattern`.
fn pattern(options: &Options, name: &str, places: &[Place]) -> Result<Map<String, Value>> {
    let entry = |text: &str| {
        let (module, number) = text.split_once('=')?;
        let (module, number) = (module.trim(), serde_json::from_str::<Value>(number.trim()).ok()?);
        let meant = |place: &Place| place.hf() == module || place.hf().ends_with(&format!(".{module}"));
        (number.is_number() && places.iter().any(meant)).then(|| (module.to_owned(), number))
    };
    let texts = options.text(name)?.split(',').map(str::trim).filter(|text| !text.is_empty());
    let refused = |text: &str| {
        let expected = "module=number for modules that the adapter is for, as in v_proj=16";
        Error::new(Kind::Value, format!("`{name}`"), expected, text)
    };
    texts.map(|text| entry(text).ok_or_else(|| refused(text))).collect()
}

/// The projections that a list of names, or `all-linear`, means.
fn targets(names: &str, architecture: &str) -> Result<Vec<Projection>> {
    let all = Projection::of(architecture);
    if names == "all-linear" {
        return Ok(all.to_vec());
    }
    let known = || all.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
    let find = |name: &str| {
        let found = Projection::from_name(name).filter(|one| all.contains(one));
        found.ok_or_else(|| {
            Error::new(Kind::Missing, "`targets`", format!("all-linear or some of {}", known()), name)
        })
    };
    names.split(',').map(|name| find(name.trim())).collect()
}

/// A LoRA on a device.
#[derive(Debug)]
struct Lora {
    pairs: BTreeMap<Place, Pair>,
    /// Share of x that is left out.
    dropout: f32,
    /// Decides which, while training.
    seed: Option<u32>,
}

#[derive(Clone, Debug)]
struct Pair {
    /// `[rank, in]`
    a: Tensor<2>,
    /// `[out, rank]`
    b: Tensor<2>,
    scale: f32,
}

impl Lora {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let lora = LoraAdapter::from_peft(file.clone())?;
        lora.check_shapes(|place| model.config().sizes.weight(place))?;
        if let Some(pair) = lora.pairs.iter().find(|pair| pair.magnitude.is_some()) {
            return Err(Error::new(Kind::Unsupported, pair.place.hf(), "a plain LoRA", "DoRA magnitudes"));
        }
        let dropout = dropout_of(&lora.config)?;
        let pair = |pair: &LoraPair| {
            let tensor = |shape: [u64; 2], values: &[f32]| {
                let part = String::new();
                let tensor = AdapterTensor {
                    target: Target::Projection(pair.place),
                    part,
                    shape: shape.to_vec(),
                    values: values.to_vec(),
                };
                matrix(&tensor, model)
            };
            let a = tensor([pair.scale.rank, pair.inputs], &pair.a)?;
            let b = tensor([pair.outputs, pair.scale.rank], &pair.b)?;
            Ok((pair.place, Pair { a, b, scale: pair.scale.factor() as f32 }))
        };
        Ok(Self { pairs: lora.pairs.iter().map(pair).collect::<Result<_>>()?, dropout, seed: None })
    }

    /// x as A sees it.
    fn thinned(&self, place: Place, x: Tensor<2>) -> Tensor<2> {
        match self.seed {
            Some(seed) => dropout(x, self.dropout, seed.wrapping_add(salt(place))),
            None => x,
        }
    }
}

/// Another number for each place, so that layers with the same input leave out different numbers of it.
fn salt(place: Place) -> u32 {
    (place.layer * 64 + place.projection as u32).wrapping_mul(0x9e37_79b9)
}

fn dropout_of(config: &AdapterConfig) -> Result<f32> {
    let value = config.raw.get("lora_dropout").filter(|value| !value.is_null());
    let Some(value) = value else { return Ok(0.0) };
    let found = value.as_f64().map(|rate| rate as f32).filter(|rate| (0.0..1.0).contains(rate));
    found.ok_or_else(|| Error::new(Kind::Value, "`lora_dropout`", "0 or more and less than 1", value))
}

impl Adapter for Lora {
    fn linear(&self, place: Place, x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        match self.pairs.get(&place) {
            Some(Pair { a, b, scale }) => {
                let x = self.thinned(place, x);
                y + x.matmul(a.clone().transpose()).matmul(b.clone().transpose()) * *scale
            }
            None => y,
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        let named = |place: &Place, part: &str, value: &Tensor<2>| {
            let target = Target::Projection(*place);
            let key =
                AdapterTensor { target, part: part.into(), shape: Vec::new(), values: Vec::new() }.key();
            Parameter { key, value: value.clone() }
        };
        let both = |(place, pair): (&Place, &Pair)| {
            [named(place, "lora_A.weight", &pair.a), named(place, "lora_B.weight", &pair.b)]
        };
        self.pairs.iter().flat_map(both).collect()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        let mut values = values.into_iter();
        let pair = |(place, pair): (&Place, &Pair)| {
            let (a, b) = (values.next()?, values.next()?);
            Some((*place, Pair { a, b, scale: pair.scale }))
        };
        let pairs = self.pairs.iter().map_while(pair).collect();
        Box::new(Self { pairs, dropout: self.dropout, seed: self.seed })
    }

    fn training(&self, seed: u32) -> Option<Box<dyn Adapter>> {
        let pairs = || self.pairs.clone();
        (self.dropout > 0.0)
            .then(|| Box::new(Self { pairs: pairs(), dropout: self.dropout, seed: Some(seed) }) as _)
    }
}
