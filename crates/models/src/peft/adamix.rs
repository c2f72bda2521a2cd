//! `AdaMix`: a LoRA of several As and several Bs, of which each pass of training takes one of either, drawn for each layer
//! anew, `y = W·x + s·B_j·(A_i·x)`; otherwise, and in what is written, their means count: a LoRA of the same rank
//! (Wang et al. 2022, arXiv 2205.12410). The paper's second loss, that two draws should agree, is left out: it asks for
//! each pass twice.
//!
//! Until a run ends there are, of each projection, all As one below the other, `adamix_A` `[experts·r, in]`, and all Bs side
//! by side, `adamix_B` `[out, experts·r]`. The As begin as a LoRA's, each another, and the Bs as zeros.

use super::lora::{self, ALPHA, ALPHAS, RANK, RANKS, RSLORA};
use super::placed::{Expected, Found, Placed, Site, found, tensor};
use super::{Adapter, Extras, Fresh, Merge, Method, OptionSpec, Parameter, experts, targets};
use crate::config::Config;
use crate::layers::Linear;
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::Value;
use smolder_formats::Result;
use smolder_formats::adapter::{AdapterTensor, PeftAdapter, Target};
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Place;
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::lora as low_rank;
use std::collections::BTreeMap;

const PARTS: [&str; 2] = ["adamix_A", "adamix_B"];
const WRITTEN: [&str; 2] = ["lora_A.weight", "lora_B.weight"];
const SWITCH: &str = "smolder_adamix";
const EXPERTS: &str = "adamix_experts";

pub(super) const METHOD: Method = Method {
    name: "adamix",
    about: "a LoRA that learns as several, of which one is drawn each time, and is written as their mean",
    options: &[
        RANK,
        ALPHA,
        RSLORA,
        targets::OPTION,
        RANKS,
        ALPHAS,
        OptionSpec { name: "experts", default: "4", about: "how many of each matrix" },
    ],
    rest: |part| (part == PARTS[1]).then_some(0.0),
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(AdaMix::load(file, model)?)),
    merge: Ok(merge),
    extras: Extras { switch: Some(SWITCH), export, ..Extras::NONE },
    ..lora::METHOD
};

fn fresh(fresh: Fresh) -> Result<PeftAdapter> {
    let experts = fresh.options.integer("experts", 1..=experts::MOST)?;
    targets::projections(fresh.options.text("targets")?, &fresh.model.config().sizes)?;
    let mut file = lora::fresh(fresh)?.to_peft();
    let more = (1..experts).map(|one| Fresh { seed: fresh.seed.wrapping_add(one), ..fresh });
    let others = more.map(|fresh| Ok(lora::fresh(fresh)?.to_peft())).collect::<Result<Vec<_>>>()?;
    for (at, tensor) in file.tensors.iter_mut().enumerate() {
        let by_column = tensor.part == WRITTEN[1];
        PARTS[usize::from(by_column)].clone_into(&mut tensor.part);
        // All of B is zero, whatever its order.
        let values = others.iter().filter_map(|other| other.tensors.get(at)).flat_map(|one| &one.values);
        tensor.values.extend(values);
        tensor.shape.iter_mut().skip(usize::from(by_column)).take(1).for_each(|dim| *dim *= experts);
    }
    file.config.raw.insert(SWITCH.to_owned(), Value::Bool(true));
    file.config.raw.insert(EXPERTS.to_owned(), experts.into());
    Ok(file)
}

/// All As and all Bs of each projection.
fn parts<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<BTreeMap<Place, Found<'a>>> {
    let experts = experts::stated(&file.config, EXPERTS)?;
    let expected = |site: &Site| -> Result<Expected> {
        let (all, [outputs, inputs]) = (experts * file.config.rank(&site.place.hf())?, site.shape);
        Ok(PARTS.into_iter().zip([[all, inputs], [outputs, all]]).collect())
    };
    found(&file.tensors, sizes, expected)
}

#[derive(Debug)]
struct AdaMix {
    layers: Placed,
    experts: usize,
    /// Decides which are taken, while training.
    seed: Option<u32>,
}

impl AdaMix {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let found = parts(file, &model.config().sizes)?;
        let layers = Placed::load(&found, model)?.scaled(&file.config)?;
        Ok(Self { layers, experts: experts::stated(&file.config, EXPERTS)? as usize, seed: None })
    }

    /// A and B as a projection has them: those that are drawn, or the means.
    fn pair(&self, place: Place) -> Option<[Tensor<2>; 2]> {
        let [a, b] = self.layers.get(place)?;
        let (experts, [all, inputs], [outputs, _]) = (self.experts, a.dims(), b.dims());
        let rank = all / experts;
        let Some(seed) = self.seed else {
            let a = a.reshape([experts, rank, inputs]).mean_dim(0).reshape([rank, inputs]);
            return Some([a, b.reshape([outputs, experts, rank]).mean_dim(1).reshape([outputs, rank])]);
        };
        let [i, j] = drawn(seed, place, experts);
        Some([a.narrow(0, i * rank, rank), b.narrow(1, j * rank, rank)])
    }
}

/// Which A and which B a pass of training takes.
fn drawn(seed: u32, place: Place, experts: usize) -> [usize; 2] {
    let mut random = ChaCha8Rng::seed_from_u64(seed.into());
    random.set_stream(u64::from(place.layer) * 64 + place.projection as u64);
    [random.next_u32(), random.next_u32()].map(|number| number as usize % experts)
}

impl Adapter for AdaMix {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        let y = linear.frozen(x.clone());
        let Some([a, b]) = self.pair(linear.place()) else { return y };
        low_rank(x, a, b, y, self.layers.factor(linear.place()))
    }

    fn training(&self, seed: u32) -> Option<Box<dyn Adapter>> {
        Some(Box::new(Self { layers: self.layers.clone(), seed: Some(seed), ..*self }))
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.layers.parameters()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self { layers: self.layers.with(values), ..*self })
    }
}

fn merge(file: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
    lora::merge(&export(file)?, config)
}

/// The LoRA of the means.
fn export(file: &PeftAdapter) -> Result<PeftAdapter> {
    let experts = experts::stated(&file.config, EXPERTS)? as usize;
    let mean = |one: &AdapterTensor| {
        let Target::Projection(place) = one.target else { return Ok(one.clone()) };
        let rank = file.config.rank(&place.hf())? as usize;
        let by_column = one.part == PARTS[1];
        // So many numbers follow each other before the next expert's do: all of A, a row of B.
        let len = if by_column { rank } else { one.values.len() / experts };
        let values = one.values.chunks((len * experts).max(1)).flat_map(|each| means(each, len));
        let mut shape = one.shape.clone();
        shape.iter_mut().skip(usize::from(by_column)).take(1).for_each(|dim| *dim /= experts as u64);
        Ok(tensor(place, WRITTEN[usize::from(by_column)], &shape, values.collect()))
    };
    let tensors = file.tensors.iter().map(mean).collect::<Result<_>>()?;
    let mut written = PeftAdapter { tensors, ..file.clone() };
    for key in [SWITCH, EXPERTS] {
        written.config.raw.remove(key);
    }
    Ok(written)
}

/// The mean of parts of `len` numbers.
fn means(each: &[f32], len: usize) -> Vec<f32> {
    let parts = each.len() / len.max(1);
    (0..len).map(|at| each.iter().skip(at).step_by(len).sum::<f32>() / parts as f32).collect()
}
