//! Several adapters of one model as one, in the ways of PEFT's `add_weighted_adapter`.
//!
//! `cat` puts them one behind the other, which is exact: `B = [B₁ B₂ …]`, `A = [w₁s₁A₁; w₂s₂A₂; …]`. The other ways mix
//! numbers by a [`Rule`]: those of A and those of B apart, each with √(w·s), or those of `s·B·A` with w, of which the
//! nearest LoRA of a rank is taken. `LoRAHub`'s mixes A and B apart too, each with w·√s, whose product is
//! `s·(Σ w·B)·(Σ w·A)` where all have the same s; its weights are [searched](search) for.

mod hub;
mod rule;

pub use hub::{Weights, search};
pub use rule::{Rule, Sign};

use crate::approximation::{self, Approximation, Distance, check_rank};
use crate::config::Config;
use crate::load::{LoadError, Progress};
use crate::peft::change_linear;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rule::Mixing;
use smolder_formats::adapter::{LoraAdapter, LoraPair, Module, PeftAdapter, Scale};
use smolder_formats::{Error, Kind, Result};
use std::collections::BTreeMap;

/// How adapters are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One behind the other.
    Cat,
    /// All A and all B by a rule.
    Factors(Rule),
    /// All products by a rule, and the nearest LoRA of a rank.
    Svd(Rule),
    /// The sums of all A and of all B, each with the weight itself: `s·(Σ w·B)·(Σ w·A)`.
    Hub,
}

/// Every way that PEFT has, by its name.
pub const WAYS: [(&str, Way); 11] = [
    ("cat", Way::Cat),
    ("linear", Way::Factors(Rule::Linear)),
    ("svd", Way::Svd(Rule::Linear)),
    ("ties", Way::Factors(Rule::Ties)),
    ("ties_svd", Way::Svd(Rule::Ties)),
    ("dare_linear", Way::Factors(Rule::DareLinear)),
    ("dare_linear_svd", Way::Svd(Rule::DareLinear)),
    ("dare_ties", Way::Factors(Rule::DareTies)),
    ("dare_ties_svd", Way::Svd(Rule::DareTies)),
    ("magnitude_prune", Way::Factors(Rule::MagnitudePrune)),
    ("magnitude_prune_svd", Way::Svd(Rule::MagnitudePrune)),
];

/// What decides how adapters are combined.
#[derive(Clone, Copy, Debug)]
pub struct Combination {
    /// The way.
    pub way: Way,
    /// The rank of a way that takes the nearest LoRA: else the largest of the adapters'.
    pub rank: Option<u64>,
    /// The share of numbers that a way which leaves some out keeps.
    pub density: Option<f64>,
    /// How a way that agrees on signs finds them.
    pub sign: Sign,
    /// Decides which numbers a way that leaves some out by chance keeps.
    pub seed: u64,
}

impl Combination {
    fn rule(&self) -> Option<Rule> {
        match self.way {
            Way::Cat => None,
            Way::Factors(rule) | Way::Svd(rule) => Some(rule),
            Way::Hub => Some(Rule::Linear),
        }
    }

    /// Refuses settings that the way has no use for, and those that it lacks.
    fn check(&self) -> Result<()> {
        let prunes = self.rule().is_some_and(Rule::prunes);
        let refused = |field: &str, expected: &str, found: &dyn ToString| {
            Err(Error::new(Kind::Value, field, expected, found.to_string()))
        };
        match self.density {
            None if prunes => refused("`density`", "the share of numbers to keep, for this way", &"none"),
            Some(density) if !prunes => {
                refused("`density`", "none for a way that leaves nothing out", &density)
            }
            Some(density) if !(density > 0.0 && density <= 1.0) => {
                refused("`density`", "more than 0 and at most 1", &density)
            }
            _ => match self.rank {
                Some(rank) if !matches!(self.way, Way::Svd(_)) => {
                    refused("`rank`", "none for a way that the adapters' own ranks decide", &rank)
                }
                _ => Ok(()),
            },
        }
    }
}

/// One LoRA of several, each with a weight; where the way takes the nearest of a rank, how far that is from what it should
/// be.
///
/// # Errors
/// [`Kind::Unsupported`] for methods other than plain LoRA; [`Kind::Missing`] or [`Kind::Shape`] for adapters that do not
/// fit the model; [`Kind::Mismatch`] for ranks that differ where the way needs the same; [`Kind::Value`] for a weight,
/// rank or density out of range; [`LoadError::Cancelled`] when `progress`, told of weights done, breaks.
pub async fn combine(
    adapters: &[(PeftAdapter, f64)],
    settings: &Combination,
    config: &Config,
    progress: Progress<'_>,
) -> std::result::Result<Approximation, LoadError> {
    settings.check()?;
    let modules = pairs(adapters, config)?;
    let ranks = modules.values().flatten().map(|(pair, _)| pair.scale.rank);
    let rank = settings.rank.or(ranks.max()).unwrap_or_default();
    if matches!(settings.way, Way::Svd(_)) {
        check_rank(rank, modules.keys().copied(), config)?;
    }
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    let (mut combined, mut distances) = (Vec::new(), Vec::new());
    for (done, (module, pairs)) in modules.iter().enumerate() {
        if progress(done as u64, modules.len() as u64).is_break() {
            return Err(LoadError::Cancelled);
        }
        let (pair, distance) = match settings.rule() {
            None => (behind(pairs), None),
            Some(rule) => {
                let mixing =
                    Mixing { rule, density: settings.density, sign: settings.sign, random: &mut random };
                mixed(*module, pairs, (settings.way, rank), mixing).await?
            }
        };
        combined.push(pair);
        distances.extend(distance.map(|distance| (*module, distance)));
    }
    // Who stops now is too late.
    let _ = progress(modules.len() as u64, modules.len() as u64);
    let first = adapters.first().and_then(|(first, _)| first.config.raw.get("base_model_name_or_path"));
    let name = first.and_then(serde_json::Value::as_str).unwrap_or_default();
    let lora = LoraAdapter::plain(name, config.sizes.layers, combined);
    let base = adapters.iter().find_map(|(adapter, _)| adapter.base.clone());
    Ok(Approximation { lora: LoraAdapter { base, ..lora }, distances })
}

/// A pair and its weight.
type Weighted = (LoraPair, f64);

/// What each module has, checked.
fn pairs(adapters: &[(PeftAdapter, f64)], config: &Config) -> Result<BTreeMap<Module, Vec<Weighted>>> {
    let mut modules: BTreeMap<Module, Vec<Weighted>> = BTreeMap::new();
    for (adapter, weight) in adapters {
        if !weight.is_finite() {
            return Err(Error::new(Kind::Value, "weight of an adapter", "a finite number", weight));
        }
        let lora = LoraAdapter::from_peft(adapter.clone())?;
        lora.check_shapes(|module| module.shape(&config.sizes))?;
        for pair in lora.pairs {
            if pair.magnitude.is_some() {
                let expected = "a plain LoRA, which `smolder convert` makes of others";
                return Err(Error::new(Kind::Unsupported, pair.module.hf(), expected, "DoRA magnitudes"));
            }
            modules.entry(pair.module).or_default().push((pair, *weight));
        }
    }
    Ok(modules)
}

/// All A below each other, with weight and scale, and all B beside each other.
fn behind(pairs: &[Weighted]) -> LoraPair {
    let rank = pairs.iter().map(|(pair, _)| pair.scale.rank).sum();
    let (first, _) = &pairs[0];
    let scaled = |(pair, weight): &Weighted| {
        let factor = (weight * pair.scale.factor()) as f32;
        pair.a.iter().map(move |a| factor * a).collect::<Vec<f32>>()
    };
    let row = |at: usize| {
        let part = move |(pair, _): &Weighted| {
            let rank = pair.scale.rank as usize;
            pair.b[at * rank..(at + 1) * rank].to_vec()
        };
        pairs.iter().flat_map(part)
    };
    let a = pairs.iter().flat_map(scaled).collect();
    let b = (0..first.outputs as usize).flat_map(row).collect();
    like(first, rank, [a, b])
}

/// A pair of the same module.
fn like(pair: &LoraPair, rank: u64, [a, b]: [Vec<f32>; 2]) -> LoraPair {
    let scale = Scale { rank, alpha: rank as f64, by_root: false };
    LoraPair { scale, a, b, magnitude: None, ..*pair }
}

async fn mixed(
    module: Module,
    pairs: &[Weighted],
    (way, rank): (Way, u64),
    mut mixing: Mixing<'_>,
) -> Result<(LoraPair, Option<Distance>)> {
    let (first, _) = &pairs[0];
    if matches!(way, Way::Svd(_)) {
        let weights: Vec<f32> = pairs.iter().map(|(_, weight)| *weight as f32).collect();
        let change = mixing.mix(pairs.iter().map(|(pair, _)| product(pair)).collect(), &weights);
        let shape = [first.outputs, first.inputs];
        let (pair, distance) = approximation::pair((module, shape), &change, rank).await?;
        return Ok((pair, Some(distance)));
    }
    let rank = first.scale.rank;
    if let Some((other, _)) = pairs.iter().find(|(pair, _)| pair.scale.rank != rank) {
        let expected = format!("rank {rank} in all adapters for this way; cat and svd take any");
        return Err(Error::new(Kind::Mismatch, module.hf(), expected, other.scale.rank));
    }
    let [mut a, mut b] = [Vec::new(), Vec::new()];
    for (pair, _) in pairs {
        a.push(pair.a.clone());
        b.push(pair.b.clone());
    }
    let [in_a, in_b] = if way == Way::Hub { weighed(pairs) } else { shares(pairs) };
    let factors = [mixing.mix(a, &in_a), mixing.mix(b, &in_b)];
    Ok((like(first, rank, factors), None))
}

/// What A and B are multiplied with, so that their product counts w·s.
fn shares(pairs: &[Weighted]) -> [Vec<f32>; 2] {
    let share = |(pair, weight): &Weighted| {
        let factor = weight * pair.scale.factor();
        let root = factor.abs().sqrt() as f32;
        (if factor < 0.0 { -root } else { root }, root)
    };
    let (a, b) = pairs.iter().map(share).unzip();
    [a, b]
}

/// w·√s of both.
fn weighed(pairs: &[Weighted]) -> [Vec<f32>; 2] {
    let root = |(pair, _): &Weighted| pair.scale.factor().abs().sqrt();
    let a = pairs.iter().map(|one| (one.1 * root(one) * one.0.scale.factor().signum()) as f32).collect();
    [a, pairs.iter().map(|one| (one.1 * root(one)) as f32).collect()]
}

/// `s·B·A` `[out, in]`
fn product(pair: &LoraPair) -> Vec<f32> {
    let cols = pair.inputs as usize;
    let mut product = vec![0.0; pair.outputs as usize * cols];
    for (row, values) in product.chunks_mut(cols).enumerate() {
        change_linear(pair, row, values);
    }
    product
}
