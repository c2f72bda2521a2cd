//! LoRA: `y = W·x + s·B·(A·x)` with A `[rank, in]`, B `[out, rank]`, `s = α/r` (Hu et al. 2021, arXiv 2106.09685), or
//! `s = α/√r` (rsLoRA, Kalajdzievski 2023, arXiv 2312.03732). In training some numbers of x are left out before A.
//!
//! The embedding of token t becomes `E_t + s·B·A_t` with A `[rank, vocabulary]`, of which `A_t` is a column, and B
//! `[width, rank]`; nothing is left out there. Where the embedding serves as head, each use has a change of its own, as
//! in PEFT.

mod merge;

pub(crate) use merge::change_linear;
pub(super) use merge::merge;

use super::random::{normal, spread};
use super::{Adapter, Extras, Fresh, Method, OptionSpec, Options, Parameter, on_device, targets};
use crate::layers::Linear;
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Map, Value};
use smolder_formats::adapter::{
    AdapterConfig, AdapterTensor, LoraAdapter, LoraPair, Module, PeftAdapter, Scale,
};
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::{Int, Tensor};
use smolder_kernels::{dropout, lora};
use std::collections::BTreeMap;

pub(super) const RANK: OptionSpec =
    OptionSpec { name: "rank", default: "8", about: "width of the two matrices" };
pub(super) const ALPHA: OptionSpec =
    OptionSpec { name: "alpha", default: "16", about: "the product counts α/rank" };
pub(super) const RSLORA: OptionSpec =
    OptionSpec { name: "rslora", default: "false", about: "let it count α/√rank" };
pub(super) const RANKS: OptionSpec = OptionSpec {
    name: "ranks",
    default: "\"\"",
    about: "other ranks for some of them, as in v_proj=16,layers.0.self_attn.q_proj=4",
};
pub(super) const ALPHAS: OptionSpec =
    OptionSpec { name: "alphas", default: "\"\"", about: "other alphas for some of them, likewise" };
pub(super) const DROPOUT: OptionSpec =
    OptionSpec { name: "dropout", default: "0", about: "share of their inputs that training leaves out" };
pub(super) const TARGETS: OptionSpec = OptionSpec {
    name: "targets",
    default: "\"all-linear\"",
    about: "which layers, as in q_proj,v_proj; all-linear for every projection; embed_tokens and lm_head beside them",
};

pub(super) const METHOD: Method = Method {
    name: "lora",
    peft_type: "LORA",
    about: "adds a product of two narrow matrices to linear layers, and to embeddings if you wish",
    options: &[RANK, ALPHA, RSLORA, TARGETS, RANKS, ALPHAS, DROPOUT],
    lr: 1e-3,
    rest: |part| (part.starts_with("lora_B") || part == "lora_embedding_A").then_some(0.0),
    fresh: |fresh| async move { Ok(self::fresh(fresh)?.to_peft()) }.boxed_local(),
    load: |file, model| Ok(Box::new(Lora::load(file, model)?)),
    merge: Ok(merge),
    extras: Extras::NONE,
};

/// As PEFT begins: A from U(±1/√in) and B zero; for the embedding A zero and B from N(0, 1).
pub(super) fn fresh(Fresh { options, model, seed, base, .. }: Fresh) -> Result<LoraAdapter> {
    let scale = Scale {
        rank: options.integer("rank", 1..=4096)?,
        alpha: options.number("alpha", 1e-6..=1e6)?,
        by_root: options.has("rslora") && options.flag("rslora")?,
    };
    let dropout = if options.has("dropout") { options.number("dropout", 0.0..=0.99)? } else { 0.0 };
    let modules = targets::modules(options.text("targets")?, &model.config().sizes)?;
    let mut config = AdapterConfig::lora(base, &targets::names(&modules), scale, dropout);
    for (name, key) in [("ranks", "rank_pattern"), ("alphas", "alpha_pattern")] {
        config.raw.insert(key.to_owned(), pattern(options, name, &modules)?.into());
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let pair = |module: Module| {
        let Some([outputs, inputs]) = module.shape(&model.config().sizes) else { return Ok(None) };
        let scale = config.scale(&module.hf())?;
        let [in_a, in_b] = [scale.rank * inputs, outputs * scale.rank];
        let (a, b) = match module {
            Module::Embedding => (vec![0.0; in_a as usize], (0..in_b).map(|_| normal(&mut random)).collect()),
            Module::Projection(_) | Module::Head => {
                (spread(&mut random, inputs, in_a), vec![0.0; in_b as usize])
            }
        };
        Ok(Some(LoraPair { module, scale, inputs, outputs, a, b, magnitude: None }))
    };
    let pairs = modules.into_iter().map(pair).filter_map(Result::transpose).collect::<Result<_>>()?;
    Ok(LoraAdapter { pairs, config, base: None })
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
        let ends = targets::names(modules).join(", ");
        let expected = format!("module=number for what the adapter is for, which is {ends}");
        Error::new(Kind::Value, format!("`{name}`"), expected, text)
    };
    texts.map(|text| entry(text).ok_or_else(|| refused(text))).collect()
}

/// A LoRA on a device.
#[derive(Debug)]
pub(super) struct Lora {
    pairs: BTreeMap<Module, Pair>,
    /// Whether A is trained.
    train_a: bool,
    /// Whether training takes a part of the rank at a time.
    drawn_rank: bool,
    /// Share of x that is left out.
    dropout: f32,
    /// Decides which, while training.
    seed: Option<u32>,
}

#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// `[rank, in]`
    pub a: Tensor<2>,
    /// `[out, rank]`
    pub b: Tensor<2>,
    pub scale: f32,
}

impl Pair {
    pub(super) fn load(pair: &LoraPair, model: &Model) -> Result<Self> {
        let tensor = |shape: [u64; 2], values: &[f32]| {
            let (target, part) = (pair.module.into(), String::new());
            let tensor = AdapterTensor { target, part, shape: shape.to_vec(), values: values.to_vec() };
            on_device(&tensor, shape, model)
        };
        let a = tensor([pair.scale.rank, pair.inputs], &pair.a)?;
        let b = tensor([pair.outputs, pair.scale.rank], &pair.b)?;
        Ok(Self { a, b, scale: pair.scale.factor() as f32 })
    }
}

impl Lora {
    pub(super) fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let lora = LoraAdapter::from_peft(file.clone())?;
        lora.check_shapes(|module| module.shape(&model.config().sizes))?;
        if let Some(pair) = lora.pairs.iter().find(|pair| pair.magnitude.is_some()) {
            return Err(Error::new(Kind::Unsupported, pair.module.hf(), "a plain LoRA", "DoRA magnitudes"));
        }
        let dropout = dropout_of(&lora.config)?;
        let pair = |pair: &LoraPair| Ok((pair.module, Pair::load(pair, model)?));
        let pairs = lora.pairs.iter().map(pair).collect::<Result<_>>()?;
        Ok(Self { pairs, train_a: true, drawn_rank: false, dropout, seed: None })
    }

    /// With the A that there is.
    pub(super) fn with_frozen_a(self) -> Self {
        Self { train_a: false, ..self }
    }

    /// With a part of the rank at a time in training.
    pub(super) fn with_drawn_rank(self) -> Self {
        Self { drawn_rank: true, ..self }
    }

    /// A module's pair, in training perhaps a first part of it.
    fn pair(&self, module: Module) -> Option<Pair> {
        let Pair { a, b, scale } = self.pairs.get(&module)?.clone();
        let Some(seed) = self.seed.filter(|_| self.drawn_rank) else { return Some(Pair { a, b, scale }) };
        let rank = a.dims()[0];
        let taken = 1 + seed as usize % rank;
        let scale = scale * rank as f32 / taken as f32;
        Some(Pair { a: a.narrow(0, 0, taken), b: b.narrow(1, 0, taken), scale })
    }

    /// The input without the numbers that training leaves out, as `salt` decides.
    fn kept(&self, x: Tensor<2>, salt: u32) -> Tensor<2> {
        match self.seed {
            Some(seed) if self.dropout > 0.0 => dropout(x, self.dropout, seed.wrapping_add(salt)),
            _ => x,
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
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        let (place, y) = (linear.place(), linear.frozen(x.clone()));
        let Some(Pair { a, b, scale }) = self.pair(Module::Projection(place)) else { return y };
        lora(self.kept(x, salt(place)), a, b, y, scale)
    }

    fn embedding(&self, ids: &Tensor<1, Int>) -> Option<Tensor<2>> {
        let Pair { a, b, scale } = self.pair(Module::Embedding)?;
        let picked = a.select(1, ids.clone());
        Some((picked.transpose() * scale).matmul(b.transpose()))
    }

    fn head(&self, x: &Tensor<2>, first: usize) -> Option<Tensor<2>> {
        let Pair { a, b, scale } = self.pair(Module::Head)?;
        let x = self.kept(x.clone(), head_salt(first));
        Some((x.matmul(a.transpose()) * scale).matmul(b.transpose()))
    }

    fn changes_head(&self) -> bool {
        self.pairs.contains_key(&Module::Head)
    }

    fn changes_input(&self) -> bool {
        self.pairs.contains_key(&Module::Embedding)
    }

    fn parameters(&self) -> Vec<Parameter> {
        let both = |(module, pair): (&Module, &Pair)| {
            let [a, b] = module.parts();
            let named = |part, value: &Tensor<2>| Parameter::of((*module).into(), part, value);
            [self.train_a.then(|| named(a, &pair.a)), Some(named(b, &pair.b))]
        };
        self.pairs.iter().flat_map(both).flatten().collect()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        let mut values = values.into_iter();
        let pair = |(module, pair): (&Module, &Pair)| {
            let a = if self.train_a { values.next()? } else { pair.a.clone() };
            Some((*module, Pair { a, b: values.next()?, scale: pair.scale }))
        };
        let pairs = self.pairs.iter().map_while(pair).collect();
        Box::new(Self { pairs, ..*self })
    }

    fn training(&self, seed: u32) -> Option<Box<dyn Adapter>> {
        let pairs = || self.pairs.clone();
        (self.dropout > 0.0 || self.drawn_rank)
            .then(|| Box::new(Self { pairs: pairs(), seed: Some(seed), ..*self }) as _)
    }
}
