//! LoRA: `y = W·x + s·B·(A·x)` with A `[rank, in]`, B `[out, rank]`, `s = α/r` (Hu et al. 2021, arXiv 2106.09685), or
//! `s = α/√r` (rsLoRA, Kalajdzievski 2023, arXiv 2312.03732). In training some numbers of x are left out before A.
//!
//! The embedding of token t becomes `E_t + s·B·A_t` with A `[rank, vocabulary]`, of which `A_t` is a column, and B
//! `[width, rank]`; nothing is left out there. Where the embedding serves as head, each use has a change of its own, as
//! in PEFT.

mod merge;

use super::random::{normal, uniform};
use super::{Adapter, Fresh, Method, OptionSpec, Options, Parameter, matrix};
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Map, Value};
use smolder_formats::adapter::{
    AdapterConfig, AdapterTensor, LoraAdapter, LoraPair, Module, PeftAdapter, Scale,
};
use smolder_formats::model::ModelConfig;
use smolder_formats::names::{Place, Projection};
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::{Int, Tensor};
use smolder_kernels::{dropout, lora};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const METHOD: Method = Method {
    name: "lora",
    peft_type: "LORA",
    about: "adds a product of two narrow matrices to linear layers, and to embeddings if you wish",
    options: &[
        OptionSpec { name: "rank", default: "8", about: "width of the two matrices" },
        OptionSpec { name: "alpha", default: "16", about: "the product counts α/rank" },
        OptionSpec { name: "rslora", default: "false", about: "let it count α/√rank" },
        OptionSpec {
            name: "targets",
            default: "\"all-linear\"",
            about: "which layers, as in q_proj,v_proj; all-linear for every projection; embed_tokens and lm_head beside them",
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
        let begins_at_zero = |part: &str| part.starts_with("lora_B") || part == "lora_embedding_A";
        file.tensors.iter().all(|one| !begins_at_zero(&one.part) || one.values.iter().all(|b| *b == 0.0))
    },
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(Lora::load(file, model)?)),
    merge: Ok(merge::merge),
};

/// Whether a PEFT tensor is a matrix B.
pub(super) fn is_b(part: &str) -> bool {
    part.starts_with("lora_B") || part == "lora_embedding_B"
}

/// As PEFT begins: A from U(±1/√in) and B zero; for the embedding A zero and B from N(0, 1).
fn fresh(Fresh { options, model, seed, base, .. }: Fresh) -> Result<PeftAdapter> {
    let scale = Scale {
        rank: options.integer("rank", 1..=4096)?,
        alpha: options.number("alpha", 1e-6..=1e6)?,
        by_root: options.flag("rslora")?,
    };
    let dropout = options.number("dropout", 0.0..=0.99)?;
    let modules = targets(options.text("targets")?, &model.config().sizes)?;
    let mut names: Vec<&str> = modules.iter().map(|one| one.name()).collect();
    names.sort_unstable();
    names.dedup();
    let mut config = AdapterConfig::lora(base, &names, scale, dropout);
    for (name, key) in [("ranks", "rank_pattern"), ("alphas", "alpha_pattern")] {
        config.raw.insert(key.to_owned(), pattern(options, name, &modules)?.into());
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let pair = |module: Module| {
        let Some([outputs, inputs]) = module.shape(&model.config().sizes) else { return Ok(None) };
        let scale = config.scale(&module.hf())?;
        let [in_a, in_b] = [scale.rank * inputs, outputs * scale.rank];
        let bound = (inputs as f32).sqrt().recip();
        let (a, b) = match module {
            Module::Embedding => (vec![0.0; in_a as usize], (0..in_b).map(|_| normal(&mut random)).collect()),
            Module::Projection(_) | Module::Head => {
                ((0..in_a).map(|_| bound * uniform(&mut random)).collect(), vec![0.0; in_b as usize])
            }
        };
        Ok(Some(LoraPair { module, scale, inputs, outputs, a, b, magnitude: None }))
    };
    let pairs = modules.into_iter().map(pair).filter_map(Result::transpose).collect::<Result<_>>()?;
    Ok(LoraAdapter { pairs, config, base: None }.to_peft())
}

/// `module=number` for the ends of some modules' paths, as in PEFT's `rank_pattern`.
fn pattern(options: &Options, name: &str, modules: &[Module]) -> Result<Map<String, Value>> {
    let entry = |text: &str| {
        let (module, number) = text.split_once('=')?;
        let (module, number) = (module.trim(), serde_json::from_str::<Value>(number.trim()).ok()?);
        let meant = |one: &Module| one.hf() == module || one.hf().ends_with(&format!(".{module}"));
        (number.is_number() && modules.iter().any(meant)).then(|| (module.to_owned(), number))
    };
    let texts = options.text(name)?.split(',').map(str::trim).filter(|text| !text.is_empty());
    let refused = |text: &str| {
        let mut ends: Vec<&str> = modules.iter().map(|one| one.name()).collect();
        ends.sort_unstable();
        ends.dedup();
        let expected = format!("module=number for what the adapter is for, which is {}", ends.join(", "));
        Error::new(Kind::Value, format!("`{name}`"), expected, text)
    };
    texts.map(|text| entry(text).ok_or_else(|| refused(text))).collect()
}

/// The modules that a list of names means, each once: the embedding, those of each layer, the head.
fn targets(names: &str, sizes: &ModelConfig) -> Result<Vec<Module>> {
    let all = Projection::of(&sizes.architecture);
    let (mut ends, mut projections) = (Vec::new(), Vec::new());
    for name in names.split(',').map(str::trim) {
        let found = Projection::from_name(name).filter(|one| all.contains(one));
        match (name, found, Module::from_name(name)) {
            ("all-linear", ..) => projections.extend(all),
            (_, Some(projection), _) => projections.push(projection),
            (_, _, Some(module)) => ends.push(module),
            (other, None, None) => {
                let known = all.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
                let expected = format!("all-linear, embed_tokens, lm_head or some of {known}");
                return Err(Error::new(Kind::Missing, "`targets`", expected, other));
            }
        }
    }
    let layers = 0..sizes.layers as u32;
    let places =
        layers.flat_map(|layer| projections.iter().map(move |one| Place { layer, projection: *one }));
    let modules: BTreeSet<Module> = places.map(Module::Projection).chain(ends).collect();
    Ok(modules.into_iter().collect())
}

/// A LoRA on a device.
#[derive(Debug)]
struct Lora {
    pairs: BTreeMap<Module, Pair>,
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
        lora.check_shapes(|module| module.shape(&model.config().sizes))?;
        if let Some(pair) = lora.pairs.iter().find(|pair| pair.magnitude.is_some()) {
            return Err(Error::new(Kind::Unsupported, pair.module.hf(), "a plain LoRA", "DoRA magnitudes"));
        }
        let dropout = dropout_of(&lora.config)?;
        let pair = |pair: &LoraPair| {
            let tensor = |shape: [u64; 2], values: &[f32]| {
                let part = String::new();
                let tensor = AdapterTensor {
                    target: pair.module.into(),
                    part,
                    shape: shape.to_vec(),
                    values: values.to_vec(),
                };
                matrix(&tensor, model)
            };
            let a = tensor([pair.scale.rank, pair.inputs], &pair.a)?;
            let b = tensor([pair.outputs, pair.scale.rank], &pair.b)?;
            Ok((pair.module, Pair { a, b, scale: pair.scale.factor() as f32 }))
        };
        Ok(Self { pairs: lora.pairs.iter().map(pair).collect::<Result<_>>()?, dropout, seed: None })
    }

    /// The input without the numbers that training leaves out, as `salt` decides.
    fn kept(&self, x: Tensor<2>, salt: u32) -> Tensor<2> {
        match self.seed {
            Some(seed) => dropout(x, self.dropout, seed.wrapping_add(salt)),
            None => x,
        }
    }
}

/// Another number for each place, so that layers with the same input leave out different numbers of it.
fn salt(place: Place) -> u32 {
    (place.layer * 64 + place.projection as u32).wrapping_mul(0x9e37_79b9)
}

/// Likewise for the head, and for each part of its rows.
fn head_salt(first: usize) -> u32 {
    0x9e37_79b9_u32.wrapping_mul(63).wrapping_add((first as u32).wrapping_mul(0x85eb_ca6b))
}

fn dropout_of(config: &AdapterConfig) -> Result<f32> {
    let value = config.raw.get("lora_dropout").filter(|value| !value.is_null());
    let Some(value) = value else { return Ok(0.0) };
    let found = value.as_f64().map(|rate| rate as f32).filter(|rate| (0.0..1.0).contains(rate));
    found.ok_or_else(|| Error::new(Kind::Value, "`lora_dropout`", "0 or more and less than 1", value))
}

impl Adapter for Lora {
    fn linear(&self, place: Place, x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        let Some(Pair { a, b, scale }) = self.pairs.get(&Module::Projection(place)) else { return y };
        lora(self.kept(x, salt(place)), a.clone(), b.clone(), y, *scale)
    }

    fn embedding(&self, ids: &Tensor<1, Int>) -> Option<Tensor<2>> {
        let Pair { a, b, scale } = self.pairs.get(&Module::Embedding)?;
        let picked = a.clone().select(1, ids.clone());
        Some((picked.transpose() * *scale).matmul(b.clone().transpose()))
    }

    fn head(&self, x: &Tensor<2>, first: usize) -> Option<Tensor<2>> {
        let Pair { a, b, scale } = self.pairs.get(&Module::Head)?;
        let x = self.kept(x.clone(), head_salt(first));
        Some((x.matmul(a.clone().transpose()) * *scale).matmul(b.clone().transpose()))
    }

    fn changes_head(&self) -> bool {
        self.pairs.contains_key(&Module::Head)
    }

    fn changes_input(&self) -> bool {
        self.pairs.contains_key(&Module::Embedding)
    }

    fn parameters(&self) -> Vec<Parameter> {
        let named = |module: Module, part: &str, value: &Tensor<2>| {
            let target = module.into();
            let key =
                AdapterTensor { target, part: part.into(), shape: Vec::new(), values: Vec::new() }.key();
            Parameter { key, value: value.clone() }
        };
        let both = |(module, pair): (&Module, &Pair)| {
            let [a, b] = module.parts();
            [named(*module, a, &pair.a), named(*module, b, &pair.b)]
        };
        self.pairs.iter().flat_map(both).collect()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        let mut values = values.into_iter();
        let pair = |(module, pair): (&Module, &Pair)| {
            let (a, b) = (values.next()?, values.next()?);
            Some((*module, Pair { a, b, scale: pair.scale }))
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
