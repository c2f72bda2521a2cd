//! LoRA: `y = W·x + s·B·(A·x)` with A `[rank, in]`, B `[out, rank]`, `s = α/r` (Hu et al. 2021, arXiv 2106.09685), or
//! `s = α/√r` (rsLoRA, Kalajdzievski 2023, arXiv 2312.03732).

mod merge;

use super::{Adapter, Fresh, Method, OptionSpec, Parameter, matrix};
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use smolder_formats::adapter::{
    AdapterConfig, AdapterTensor, LoraAdapter, LoraPair, PeftAdapter, Scale, Target,
};
use smolder_formats::names::{Place, Projection};
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::Tensor;
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
    ],
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
    let targets = targets(options.text("targets")?, &model.config().sizes.architecture)?;
    let names: Vec<&str> = targets.iter().map(|one| one.name()).collect();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let layers = 0..model.config().sizes.layers as u32;
    let places = layers.flat_map(|layer| targets.iter().map(move |one| Place { layer, projection: *one }));
    let pairs = places.filter_map(|place| {
        let [outputs, inputs] = model.config().sizes.weight(place)?;
        let bound = (inputs as f32).sqrt().recip();
        let mut uniform = || (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
        let a = (0..scale.rank * inputs).map(|_| bound * uniform()).collect();
        let b = vec![0.0; (outputs * scale.rank) as usize];
        Some(LoraPair { place, scale, inputs, outputs, a, b, magnitude: None })
    });
    let config = AdapterConfig::lora(base, &names, scale, 0.0);
    Ok(LoraAdapter { pairs: pairs.collect(), config, base: None }.to_peft())
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
}

#[derive(Debug)]
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
        Ok(Self { pairs: lora.pairs.iter().map(pair).collect::<Result<_>>()? })
    }
}

impl Adapter for Lora {
    fn linear(&self, place: Place, x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        match self.pairs.get(&place) {
            Some(Pair { a, b, scale }) => {
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
        Box::new(Self { pairs: self.pairs.iter().map_while(pair).collect() })
    }
}
