//! `LoHa`: `ΔW = s·(B₁·A₁) ⊙ (B₂·A₂)` with B `[out, rank]`, A `[rank, in]`, `s = α/rank` (Hyeon-Woo et al. 2022, arXiv
//! 2108.06098; Yeh et al. 2024, arXiv 2309.14859). PEFT calls B₁ `hada_w1_a`, A₁ `hada_w1_b`, and so on.
//!
//! Entry by entry the product of two sums over the rank is one sum over all pairs (k, l): a LoRA of rank² with
//! `A_kl = A₁_k ⊙ A₂_l` and `B_kl = B₁_k ⊙ B₂_l`. So ΔW is never made.

use super::placed::{Expected, Found, Placed, Rows, Site, factor, found, tensor};
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
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::lora;
use std::collections::BTreeMap;

const PARTS: [&str; 4] = ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"];

pub(super) const METHOD: Method = Method {
    name: "loha",
    peft_type: "LOHA",
    about: "multiplies two products of narrow matrices entry by entry: of the square of the rank, for twice its numbers",
    options: &[
        OptionSpec { name: "rank", default: "8", about: "width of the four matrices" },
        OptionSpec { name: "alpha", default: "16", about: "the product counts α/rank" },
        targets::OPTION,
    ],
    lr: 2e-3,
    rest: |part| (part == "hada_w2_b").then_some(0.0),
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(Loha::load(file, model)?)),
    merge: Ok(merge),
    extras: Extras::NONE,
};

/// As PEFT begins: A₂ zero, the others from U(±1/√columns).
fn fresh(Fresh { options, model, seed, base, .. }: Fresh) -> Result<PeftAdapter> {
    let sizes = &model.config().sizes;
    let (rank, alpha) = (options.integer("rank", 1..=256)?, options.number("alpha", 1e-6..=1e6)?);
    let places = targets::projections(options.text("targets")?, sizes)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut four = |place: Place, [outputs, inputs]: [u64; 2]| {
        let shapes = [[outputs, rank], [rank, inputs]];
        let mut drawn = |at: usize, shape: [u64; 2]| {
            tensor(place, PARTS[at], &shape, spread(&mut random, shape[1], shape[0] * shape[1]))
        };
        let zero = tensor(place, PARTS[3], &shapes[1], vec![0.0; (rank * inputs) as usize]);
        [drawn(0, shapes[0]), drawn(1, shapes[1]), drawn(2, shapes[0]), zero]
    };
    let shaped = places.iter().filter_map(|place| Some((*place, sizes.weight(*place)?)));
    let tensors: Vec<AdapterTensor> = shaped.flat_map(|(place, shape)| four(place, shape)).collect();
    let own = json!({
        "alpha": alpha, "alpha_pattern": {}, "exclude_modules": null, "init_weights": true, "layers_pattern": null,
        "layers_to_transform": null, "module_dropout": 0.0, "r": rank, "rank_dropout": 0.0, "rank_pattern": {},
        "target_modules": targets::names_of(&places), "use_effective_conv2d": false,
    });
    Ok(PeftAdapter { config: config(base, "LOHA", own)?, tensors, base: None })
}

/// Each projection's four matrices.
fn parts<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<BTreeMap<Place, Found<'a>>> {
    let expected = |site: &Site| -> Result<Expected> {
        let (rank, [outputs, inputs]) = (file.config.rank(&site.place.hf())?, site.shape);
        let shapes = [[outputs, rank], [rank, inputs], [outputs, rank], [rank, inputs]];
        Ok(PARTS.into_iter().zip(shapes).collect())
    };
    found(&file.tensors, sizes, expected)
}

#[derive(Debug)]
struct Loha(Placed);

impl Loha {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let found = parts(file, &model.config().sizes)?;
        Ok(Self(Placed::load(&found, model)?.scaled(&file.config)?))
    }
}

/// All products of a row of one with a row of the other: `[r, n]` and `[r, n]` to `[r², n]`.
fn row_products(one: Tensor<2>, other: Tensor<2>) -> Tensor<2> {
    let [rank, count] = one.dims();
    (one.reshape([rank, 1, count]) * other.reshape([1, rank, count])).reshape([rank * rank, count])
}

impl Adapter for Loha {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        let y = linear.frozen(x.clone());
        let Some([b1, a1, b2, a2]) = self.0.get(linear.place()) else { return y };
        let b = row_products(b1.transpose(), b2.transpose()).transpose();
        lora(x, row_products(a1, a2), b, y, self.0.factor(linear.place()))
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.0.parameters()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self(self.0.with(values)))
    }
}

struct Change {
    matrices: [Vec<f32>; 4],
    scale: f32,
}

impl Change {
    /// Row `row` of a product.
    fn row(b: &[f32], a: &[f32], row: usize, inputs: usize) -> Vec<f32> {
        let (rank, mut sum) = (a.len() / inputs.max(1), vec![0.0; inputs]);
        let b = b.get(row * rank..(row + 1) * rank).unwrap_or_default();
        for (b, a) in b.iter().zip(a.chunks(inputs.max(1))) {
            sum.iter_mut().zip(a).for_each(|(sum, a)| *sum += b * a);
        }
        sum
    }
}

fn merge(file: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
    let change = |(place, found): (Place, Found)| {
        let matrices: Vec<Vec<f32>> = found.into_iter().map(|(.., tensor)| tensor.values.clone()).collect();
        let Ok(matrices) = matrices.try_into() else { return Ok(None) };
        Ok(Some((place, Change { matrices, scale: factor(&file.config, place)? })))
    };
    let each = parts(file, &config.sizes)?.into_iter().map(change).filter_map(Result::transpose);
    let each = each.collect::<Result<_>>()?;
    let change = |Change { matrices: [b1, a1, b2, a2], scale }: &Change, row: usize, weights: &mut [f32]| {
        let one = Change::row(b1, a1, row, weights.len());
        let other = Change::row(b2, a2, row, weights.len());
        weights.iter_mut().zip(one.iter().zip(&other)).for_each(|(weight, (a, b))| *weight += scale * a * b);
    };
    Ok(Box::new(Rows { each, adds: true, change }))
}
