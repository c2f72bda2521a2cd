//! `HiRA`: `y = (W ⊙ (1 + B·A))·x + b`, a change that may be of W's own rank (Huang et al. 2025, "`HiRA`: Parameter-Efficient
//! Hadamard High-Rank Adaptation for Large Language Models", ICLR).
//!
//! Unlike a LoRA's, the product with W has no cheaper way: a layer's weight is dequantized and B·A is made for as long as the
//! layer is computed, which takes twice the multiplications of the layer itself, and its memory three times in numbers.

use super::placed::{Expected, Found, Placed, Rows, Site, found, tensor};
use super::random::spread;
use super::{Adapter, Extras, Fresh, Merge, Method, OptionSpec, Parameter, config, targets};
use crate::config::Config;
use crate::layers::Linear;
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;
use smolder_formats::Result;
use smolder_formats::adapter::{AdapterTensor, PeftAdapter};
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Place;
use smolder_kernels::burn::tensor::{DType, Int, Tensor, TensorData};
use std::collections::BTreeMap;
use std::rc::Rc;

const A: &str = "hira_A";
const B: &str = "hira_B";

pub(super) const METHOD: Method = Method {
    name: "hira",
    peft_type: "HIRA",
    about: "multiplies each number of a weight with one plus that of a product of narrow matrices: a change of any rank",
    options: &[
        OptionSpec { name: "rank", default: "8", about: "width of the two matrices" },
        targets::OPTION,
    ],
    lr: 1e-2,
    rest: |part| (part == B).then_some(0.0),
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(Hira::load(file, model)?)),
    merge: Ok(merge),
    extras: Extras::NONE,
};

/// As PEFT begins: A from U(±1/√in), B zero.
fn fresh(Fresh { options, model, seed, base, .. }: Fresh) -> Result<PeftAdapter> {
    let sizes = &model.config().sizes;
    let rank = options.integer("rank", 1..=4096)?;
    let places = targets::projections(options.text("targets")?, sizes)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut both = |place: Place, [outputs, inputs]: [u64; 2]| {
        let a = tensor(place, A, &[rank, inputs], spread(&mut random, inputs, rank * inputs));
        [a, tensor(place, B, &[outputs, rank], vec![0.0; (outputs * rank) as usize])]
    };
    let shaped = places.iter().filter_map(|place| Some((*place, sizes.weight(*place)?)));
    let tensors: Vec<AdapterTensor> = shaped.flat_map(|(place, shape)| both(place, shape)).collect();
    let own = json!({
        "exclude_modules": null, "fan_in_fan_out": false, "hira_dropout": 0.0, "init_weights": true,
        "layers_pattern": null, "layers_to_transform": null, "r": rank, "rank_pattern": {},
        "target_modules": targets::names_of(&places),
    });
    Ok(PeftAdapter { config: config(base, "HIRA", own)?, tensors, base: None })
}

fn parts<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<BTreeMap<Place, Found<'a>>> {
    let expected = |site: &Site| -> Result<Expected> {
        let (rank, [outputs, inputs]) = (file.config.rank(&site.place.hf())?, site.shape);
        Ok(vec![(A, [rank, inputs]), (B, [outputs, rank])])
    };
    found(&file.tensors, sizes, expected)
}

#[derive(Debug)]
struct Hira {
    matrices: Placed,
    /// For each number of outputs all rows of a weight.
    rows: Rc<BTreeMap<usize, Tensor<1, Int>>>,
}

impl Hira {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let sizes = &model.config().sizes;
        let found = parts(file, sizes)?;
        let counts = found.keys().filter_map(|place| Some(sizes.weight(*place)?[0] as usize));
        let rows = |count: usize| {
            let ids = TensorData::new((0..count as i32).collect(), [count]);
            (count, Tensor::from_data(ids, (model.device(), DType::I32)))
        };
        Ok(Self { rows: Rc::new(counts.map(rows).collect()), matrices: Placed::load(&found, model)? })
    }
}

impl Adapter for Hira {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        let y = linear.frozen(x.clone());
        let (found, rows) = (self.matrices.get(linear.place()), self.rows.get(&y.dims()[1]));
        let (Some([a, b]), Some(rows)) = (found, rows) else { return y };
        y + x.matmul((linear.weight.rows_of(rows) * b.matmul(a)).transpose())
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.matrices.parameters()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self { matrices: self.matrices.with(values), rows: Rc::clone(&self.rows) })
    }
}

/// `W'[o, i] = W[o, i]·(1 + Σ_k B[o, k]·A[k, i])`
fn merge(file: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
    let values = |found: Found| -> Option<[Vec<f32>; 2]> {
        found.into_iter().map(|(.., tensor)| tensor.values.clone()).collect::<Vec<_>>().try_into().ok()
    };
    let each = parts(file, &config.sizes)?.into_iter();
    let each = each.filter_map(|(place, found)| Some((place, values(found)?))).collect();
    let change = |[a, b]: &[Vec<f32>; 2], row: usize, weights: &mut [f32]| {
        let (cols, rank) = (weights.len().max(1), a.len() / weights.len().max(1));
        let b = b.get(row * rank..(row + 1) * rank).unwrap_or_default();
        let mut factors = vec![1.0; cols];
        for (b, a) in b.iter().zip(a.chunks(cols)) {
            factors.iter_mut().zip(a).for_each(|(factor, a)| *factor += b * a);
        }
        weights.iter_mut().zip(factors).for_each(|(weight, factor)| *weight *= factor);
    };
    Ok(Box::new(Rows { each, adds: false, change }))
}
