//! `smolder combine`: several adapters of one model as one.

mod hub;

use crate::interrupt::{self, Interrupt};
use crate::progress::percent;
use crate::{adapter, card, open};
use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;
use smolder_formats::error::printable;
use smolder_models::{Combination, Sign, WAYS};
use std::path::{Path, PathBuf};

/// Options of `smolder combine`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The model that the adapters were trained on: a GGUF file, a folder, a name from `smolder models`, or
    /// organisation/repository at the hub.
    #[arg(long, short)]
    model: PathBuf,
    /// A LoRA and its weight, 1 where none is given, as in `poems:0.7`; give each with an --adapter of its own.
    #[arg(long = "adapter", required = true, value_name = "ADAPTER[:WEIGHT]", value_parser = weighted)]
    adapters: Vec<(PathBuf, f64)>,
    /// The way, by PEFT's name: `cat` is exact and has the sum of all ranks; `linear`, `ties`, `dare_linear`,
    /// `dare_ties` and `magnitude_prune` mix both matrices, each by itself; those with `svd` mix the products and take the
    /// nearest LoRA. `lorahub`, which PEFT does not have, finds the weights: those with which the loss on --data is least.
    #[arg(long, value_parser = PossibleValuesParser::new(names()))]
    how: String,
    /// The rank, of the ways with `svd` [default: the largest of the adapters'].
    #[arg(long)]
    rank: Option<u64>,
    /// The share of numbers to keep, of the ways with `ties`, `dare` and `prune`.
    #[arg(long)]
    density: Option<f64>,
    /// How the ways with `ties` agree on a sign: that of the sum, or the more frequent one.
    #[arg(long, value_enum, default_value = "total")]
    majority_sign: Majority,
    /// Decides which numbers the ways with `dare` keep, and which weights lorahub tries.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The folder to write, in PEFT's form.
    #[arg(long, short)]
    out: PathBuf,
    /// Combine even adapters that were trained on another model, where their shapes fit.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    hub: hub::Options,
}

/// PEFT's ways, and ours.
fn names() -> impl Iterator<Item = &'static str> {
    WAYS.into_iter().map(|(name, _)| name).chain([hub::NAME])
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Majority {
    /// The sign of the sum
    Total,
    /// The sign of more adapters
    Frequency,
}

/// An adapter's path, and the weight behind its last colon where there is one.
#[allow(clippy::unnecessary_wraps, reason = "what clap asks for")]
fn weighted(text: &str) -> Result<(PathBuf, f64), String> {
    let parts = text.rsplit_once(':').filter(|_| !Path::new(text).exists());
    let parts = parts.and_then(|(path, weight)| Some((path.into(), weight.parse().ok()?)));
    Ok(parts.unwrap_or_else(|| (text.into(), 1.0)))
}

/// Writes the LoRA.
pub fn run(arguments: &Arguments) -> Result<()> {
    card::free(&arguments.out)?;
    let mut base = open::weights(&arguments.model)?;
    let mut adapters = Vec::new();
    for (path, weight) in &arguments.adapters {
        adapters.push((adapter::read(path, &mut base, arguments.force)?, *weight));
    }
    if arguments.how == hub::NAME {
        let adapters = adapters.into_iter().map(|(adapter, _)| adapter).collect();
        let (combined, found) = hub::run(arguments, adapters)?;
        return card::write(&made(arguments, &found.weights), &combined, &arguments.out);
    }
    hub::refuse(&arguments.hub)?;
    let way = WAYS.iter().find(|(name, _)| *name == arguments.how).map(|(_, way)| *way);
    let settings = Combination {
        way: way.context("no such way")?,
        rank: arguments.rank,
        density: arguments.density,
        sign: match arguments.majority_sign {
            Majority::Total => Sign::Total,
            Majority::Frequency => Sign::Frequency,
        },
        seed: arguments.seed,
    };
    let watch = Interrupt::watch()?;
    let mut show = percent("combining");
    let mut progress = |done, total| {
        show(done, total);
        watch.flow()
    };
    let combined = smolder_models::combine(&adapters, &settings, &base.config, &mut progress);
    let combined = pollster::block_on(combined).map_err(interrupt::told)?;
    let weights: Vec<f64> = arguments.adapters.iter().map(|(_, weight)| *weight).collect();
    card::write(&made(arguments, &weights), &combined, &arguments.out)
}

/// What it was made of.
fn made(arguments: &Arguments, weights: &[f64]) -> String {
    let part = |((path, _), weight): (&(PathBuf, f64), &f64)| {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        format!("{} ({weight})", printable(&name))
    };
    let parts: Vec<String> = arguments.adapters.iter().zip(weights).map(part).collect();
    let density = arguments.density.map_or(String::new(), |density| format!(" with density {density}"));
    format!("Made by `smolder combine` of {}, by {}{density}.", parts.join(", "), arguments.how)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_weight_belongs_to_the_path() {
        let found = |text: &str| weighted(text).unwrap();
        assert_eq!(found("poems"), ("poems".into(), 1.0));
        assert_eq!(found("poems:0.5"), ("poems".into(), 0.5));
        assert_eq!(found("C:poems:-2"), ("C:poems".into(), -2.0));
        assert_eq!(found("C:poems"), ("C:poems".into(), 1.0));
    }
}
