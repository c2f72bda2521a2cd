//! `LoKr`: `ΔW = s·W₁ ⊗ W₂` with W₁ `[l, m]` and W₂ `[k, n]`, l·k = out and m·n = in, either of which may be a product of
//! two narrow matrices, `s = α/rank` (Edalati et al. 2022, arXiv 2212.10650; Yeh et al. 2024, arXiv 2309.14859).
//!
//! With x as m rows of n numbers, `ΔW·x = s·W₁·(x·W₂ᵀ)`, l rows of k numbers: the Kronecker product is never made.

use super::placed::{Expected, Found, Placed, Rows, Site, found, tensor};
use super::random::spread;
use super::{Adapter, Extras, Fresh, Merge, Method, OptionSpec, Parameter, config, placed, targets};
use crate::config::Config;
use crate::layers::Linear;
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use smolder_formats::adapter::{AdapterConfig, AdapterTensor, PeftAdapter};
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::Tensor;
use std::collections::BTreeMap;

/// Of the first factor and of the second: whole, or as two matrices.
const FACTORS: [[&str; 3]; 2] =
    [["lokr_w1", "lokr_w1_a", "lokr_w1_b"], ["lokr_w2", "lokr_w2_a", "lokr_w2_b"]];

pub(super) const METHOD: Method = Method {
    name: "lokr",
    peft_type: "LOKR",
    about: "adds a Kronecker product of two small matrices to linear layers: a high rank for few numbers",
    options: &[
        OptionSpec { name: "rank", default: "8", about: "width of the matrices that make the second factor" },
        OptionSpec { name: "alpha", default: "16", about: "the product counts α/rank" },
        targets::OPTION,
        OptionSpec {
            name: "factor",
            default: "-1",
            about: "rows and columns of the first factor; -1 for the two that are closest to each other",
        },
        OptionSpec {
            name: "decompose-both",
            default: "false",
            about: "let narrow matrices make the first factor too",
        },
    ],
    lr: 2e-3,
    rest: |part| matches!(part, "lokr_w1" | "lokr_w1_a").then_some(0.0),
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(Lokr::load(file, model)?)),
    merge: Ok(merge),
    extras: Extras::NONE,
};

/// How a weight `[out, in]` falls apart: W₁'s shape, W₂'s, and which of them are products.
struct Split {
    shapes: [[u64; 2]; 2],
    rank: u64,
    products: [bool; 2],
}

impl Split {
    /// As PEFT splits.
    fn new([outputs, inputs]: [u64; 2], rank: u64, factor: i64, both: bool) -> Self {
        let ([l, k], [m, n]) = (factors(outputs, factor), factors(inputs, factor));
        let narrow = |rows: u64, cols: u64| 2 * rank < rows.max(cols);
        Self { shapes: [[l, m], [k, n]], rank, products: [both && narrow(l, m), narrow(k, n)] }
    }

    fn expected(&self) -> Expected {
        let each = |at: usize| {
            let ([rows, cols], [whole, a, b]) = (self.shapes[at], FACTORS[at]);
            if self.products[at] {
                vec![(a, [rows, self.rank]), (b, [self.rank, cols])]
            } else {
                vec![(whole, [rows, cols])]
            }
        };
        [each(0), each(1)].concat()
    }
}

/// Two factors of a number, the smaller first: `factor` and the rest where it divides the number, else those closest to
/// each other, of which the smaller is at most `factor` where that is above 0.
fn factors(number: u64, factor: i64) -> [u64; 2] {
    let most = u64::try_from(factor).unwrap_or(number);
    if factor > 0 && number.is_multiple_of(most) {
        return [most, number / most];
    }
    let root = (1..).take_while(|one| one * one <= number && *one <= most);
    let small = root.filter(|one| number.is_multiple_of(*one)).last().unwrap_or(1);
    [small, number / small]
}

fn split(config: &AdapterConfig, site: &Site) -> Result<Split> {
    let value = |key: &str| config.raw.get(key).unwrap_or(&Value::Null);
    let factor = value("decompose_factor");
    let factor = if factor.is_null() { Some(-1) } else { factor.as_i64() };
    let refused =
        || Error::new(Kind::Value, "`decompose_factor`", "a whole number", value("decompose_factor"));
    let rank = config.scale(&site.place.hf())?.rank;
    let both = value("decompose_both").as_bool().unwrap_or(false);
    Ok(Split::new(site.shape, rank, factor.ok_or_else(refused)?, both))
}

/// As PEFT begins: W₁ zero, or the first matrix that makes it; the others from U(±1/√columns).
fn fresh(Fresh { options, model, seed, base, .. }: Fresh) -> Result<PeftAdapter> {
    let sizes = &model.config().sizes;
    let (rank, alpha) = (options.integer("rank", 1..=4096)?, options.number("alpha", 1e-6..=1e6)?);
    let (factor, both) = (options.number("factor", -1.0..=65536.0)?, options.flag("decompose-both")?);
    if factor.fract() != 0.0 || factor == 0.0 {
        return Err(Error::new(Kind::Value, "`factor`", "-1 or a whole number above 0", factor));
    }
    let factor = factor as i64;
    let places = targets::projections(options.text("targets")?, sizes)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut tensors: Vec<AdapterTensor> = Vec::new();
    for (place, shape) in places.iter().filter_map(|place| Some((*place, sizes.weight(*place)?))) {
        for (part, shape) in Split::new(shape, rank, factor, both).expected() {
            let values = match (METHOD.rest)(part) {
                Some(rest) => vec![rest; (shape[0] * shape[1]) as usize],
                None => spread(&mut random, shape[1], shape[0] * shape[1]),
            };
            tensors.push(tensor(place, part, &shape, values));
        }
    }
    let own = json!({
        "alpha": alpha, "alpha_pattern": {}, "decompose_both": both, "decompose_factor": factor,
        "exclude_modules": null, "init_weights": true, "layers_pattern": null, "layers_to_transform": null,
        "module_dropout": 0.0, "r": rank, "rank_dropout": 0.0, "rank_dropout_scale": false, "rank_pattern": {},
        "target_modules": targets::names_of(&places), "use_effective_conv2d": false,
    });
    Ok(PeftAdapter { config: config(base, "LOKR", own)?, tensors, base: None })
}

fn parts<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<BTreeMap<Place, Found<'a>>> {
    found(&file.tensors, sizes, |site| Ok(split(&file.config, site)?.expected()))
}

#[derive(Debug)]
struct Lokr(Placed);

impl Lokr {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let found = parts(file, &model.config().sizes)?;
        Ok(Self(Placed::load(&found, model)?.scaled(&file.config)?))
    }

    fn factor(&self, place: Place, [whole, a, b]: [&str; 3]) -> Option<Tensor<2>> {
        let part = |name| self.0.part(place, name);
        part(whole).or_else(|| Some(part(a)?.matmul(part(b)?)))
    }
}

impl Adapter for Lokr {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        let (place, rows) = (linear.place(), x.dims()[0]);
        let y = linear.frozen(x.clone());
        let [Some(w1), Some(w2)] = FACTORS.map(|names| self.factor(place, names)) else { return y };
        let ([l, m], [k, n]) = (w1.dims(), w2.dims());
        let inner = x.reshape([rows * m, n]).matmul(w2.transpose()).reshape([rows, m, k]);
        let outer =
            inner.swap_dims(1, 2).reshape([rows * k, m]).matmul(w1.transpose() * self.0.factor(place));
        y + outer.reshape([rows, k, l]).swap_dims(1, 2).reshape([rows, l * k])
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.0.parameters()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self(self.0.with(values)))
    }
}

/// Both factors, row by row, and their columns.
struct Change {
    factors: [Vec<f32>; 2],
    cols: [usize; 2],
    /// Rows of the second.
    rows: usize,
    scale: f32,
}

/// A factor's numbers, and its columns: whole or as a product.
fn factor(parts: &[(&'static str, [u64; 2], &AdapterTensor)]) -> (Vec<f32>, usize) {
    match parts {
        [(_, [_, rank], a), (_, [_, cols], b)] => {
            let (rank, cols) = (*rank as usize, *cols as usize);
            let entry = |row: &[f32], at: usize| -> f32 {
                row.iter().zip(b.values.iter().skip(at).step_by(cols)).map(|(a, b)| a * b).sum()
            };
            let rows = a.values.chunks(rank);
            (rows.flat_map(|row| (0..cols).map(|at| entry(row, at)).collect::<Vec<_>>()).collect(), cols)
        }
        [(_, [_, cols], whole)] => (whole.values.clone(), *cols as usize),
        _ => (Vec::new(), 1),
    }
}

fn merge(file: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
    let found = parts(file, &config.sizes)?;
    let change = |(place, found): (Place, Found)| {
        let first = found.iter().take_while(|(part, ..)| FACTORS[0].contains(part)).count();
        let (first, second) = found.split_at(first);
        let ((one, m), (other, n)) = (factor(first), factor(second));
        let scale = placed::factor(&file.config, place)?;
        Ok((place, Change { rows: other.len() / n, factors: [one, other], cols: [m, n], scale }))
    };
    let each = found.into_iter().map(change).collect::<Result<_>>()?;
    let change = |change: &Change, row: usize, weights: &mut [f32]| {
        let ([one, other], [m, n]) = (&change.factors, change.cols);
        let one = one.get(row / change.rows * m..).unwrap_or_default();
        let other = other.get(row % change.rows * n..).unwrap_or_default();
        for (weights, one) in weights.chunks_mut(n).zip(one) {
            weights.iter_mut().zip(other).for_each(|(weight, other)| *weight += change.scale * one * other);
        }
    };
    Ok(Box::new(Rows { each, adds: true, change }))
}
