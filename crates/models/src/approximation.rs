//! Changes of weights, as the nearest LoRA of a rank.

use crate::config::Config;
use crate::peft::random::uniform;
use crate::svd::{Dense, factors};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use smolder_formats::adapter::{LoraAdapter, LoraPair, Module, Scale};
use smolder_formats::names::{Place, Projection};
use smolder_formats::{Error, Kind, Result};

/// Subspace iteration ends once a round finds less than this share of a change more.
const SETTLED: f64 = 1e-7;

/// A LoRA that stands for changes of weights, and how far it is from them.
#[derive(Debug)]
pub struct Approximation {
    /// The LoRA, with the scale 1.
    pub lora: LoraAdapter,
    /// Of each pair that is the nearest to a change.
    pub distances: Vec<(Module, Distance)>,
}

/// Squares of Frobenius norms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Distance {
    /// ‖ΔW − B·A‖²
    pub rest: f64,
    /// ‖ΔW‖²
    pub whole: f64,
}

impl Distance {
    /// ‖ΔW − B·A‖ / ‖ΔW‖; 0 for what changes nothing.
    pub fn relative(self) -> f64 {
        if self.whole > 0.0 { (self.rest / self.whole).sqrt() } else { 0.0 }
    }
}

impl Approximation {
    /// Of all modules together.
    pub fn total(&self) -> Distance {
        let sum = |of: fn(&Distance) -> f64| self.distances.iter().map(|(_, one)| of(one)).sum::<f64>();
        Distance { rest: sum(|one| one.rest), whole: sum(|one| one.whole) }
    }

    /// The module that is furthest from its change.
    pub fn worst(&self) -> Option<(Module, Distance)> {
        let of = |one: &(Module, Distance)| one.1.relative();
        self.distances.iter().copied().max_by(|one, other| of(one).total_cmp(&of(other)))
    }
}

/// Every weight of a model that a LoRA can change.
pub(crate) fn modules(config: &Config) -> Vec<Module> {
    let kinds = Projection::of(&config.sizes.architecture);
    let places = (0..config.layers.len() as u32)
        .flat_map(|layer| kinds.iter().map(move |kind| Place { layer, projection: *kind }));
    let inside = places.map(Module::Projection);
    [Module::Embedding].into_iter().chain(inside).chain([Module::Head]).collect()
}

/// Refuses a rank that is none for some of the modules.
pub(crate) fn check_rank(
    rank: u64,
    modules: impl IntoIterator<Item = Module>,
    config: &Config,
) -> Result<()> {
    let most = |module: Module| module.shape(&config.sizes).map(|[outputs, inputs]| outputs.min(inputs));
    let fewest = modules.into_iter().filter_map(|module| Some((most(module)?, module))).min();
    match fewest {
        Some((most, module)) if !(1..=most).contains(&rank) => {
            let expected = format!("1 to {most}, as many as {} has rows and columns", module.hf());
            Err(Error::new(Kind::Value, "`rank`", expected, rank))
        }
        _ => Ok(()),
    }
}

/// The nearest pair to a change `[out, in]` of a weight, or of an embedding's transpose.
pub(crate) async fn pair(
    (module, [outputs, inputs]): (Module, [u64; 2]),
    change: &[f32],
    rank: u64,
) -> Result<(LoraPair, Distance)> {
    let cols = inputs as usize;
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let next = || uniform(&mut random);
    let [a, b] = factors(&Dense::new(change, cols), (rank as usize, 1.0), next, Some(SETTLED)).await?;
    let distance = distance(change, cols, &a, &b);
    let scale = Scale { rank, alpha: rank as f64, by_root: false };
    Ok((LoraPair { module, scale, inputs, outputs, a, b, magnitude: None }, distance))
}

/// How far `B·A` is from a change of rows of `cols` numbers.
fn distance(change: &[f32], cols: usize, a: &[f32], b: &[f32]) -> Distance {
    let rank = a.len() / cols.max(1);
    let mut distance = Distance::default();
    for (change, b) in change.chunks(cols.max(1)).zip(b.chunks(rank.max(1))) {
        let mut rest: Vec<f64> = change.iter().map(|value| f64::from(*value)).collect();
        distance.whole += rest.iter().map(|value| value * value).sum::<f64>();
        for (b, a) in b.iter().zip(a.chunks(cols.max(1))) {
            rest.iter_mut().zip(a).for_each(|(rest, a)| *rest -= f64::from(*b) * f64::from(*a));
        }
        distance.rest += rest.iter().map(|value| value * value).sum::<f64>();
    }
    distance
}
