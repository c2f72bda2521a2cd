//! What a file has: A, E and B of each projection, and what training knows of them until it ends.

use super::super::placed::{Expected, Found, Site, found, tensor};
use super::super::random::normal;
use super::super::{Fresh, config, targets};
use super::budget::STEPS;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Map, Value, json};
use smolder_formats::adapter::{AdapterConfig, AdapterTensor, PeftAdapter, Target};
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use std::collections::BTreeMap;

pub(super) const PARTS: [&str; 3] = ["lora_A", "lora_E", "lora_B"];
/// What is kept of each while training, behind its key, and of E beside.
pub(super) const MEMORY: [&str; 2] = ["sensitivity", "uncertainty"];
pub(super) const KEPT: &str = "kept";

/// PEFT's, where a config names none.
const RANK: u64 = 12;
const ALPHA: f64 = 8.0;

/// As PEFT begins: A and B from N(0, 0.02²), E zero.
pub(super) fn fresh(Fresh { options, model, seed, base, .. }: Fresh) -> Result<PeftAdapter> {
    let sizes = &model.config().sizes;
    let rank = options.integer("rank", 1..=4096)?;
    let target = options.integer("final-rank", 1..=rank)?;
    let alpha = options.number("alpha", 1e-6..=1e6)?;
    let places = targets::projections(options.text("targets")?, sizes)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut three = |(place, [outputs, inputs]): (Place, [u64; 2])| {
        let mut drawn = |part, shape: [u64; 2]| {
            let values = (0..shape[0] * shape[1]).map(|_| 0.02 * normal(&mut random)).collect();
            tensor(place, part, &shape, values)
        };
        let (a, b) = (drawn(PARTS[0], [rank, inputs]), drawn(PARTS[2], [outputs, rank]));
        [a, tensor(place, PARTS[1], &[rank, 1], vec![0.0; rank as usize]), b]
    };
    let shaped = places.iter().filter_map(|place| Some((*place, sizes.weight(*place)?)));
    let tensors = shaped.flat_map(&mut three).collect();
    let [first, last] =
        [options.number("prune-from", 0.0..=0.99)?, options.number("prune-until", 0.01..=1.0)?];
    if first >= last {
        return Err(Error::new(
            Kind::Value,
            "`prune-from`",
            format!("less than `prune-until`, which is {last}"),
            first,
        ));
    }
    let steps = |share: f64| (share * STEPS as f64).round() as u64;
    let own = json!({
        "alpha_pattern": {}, "beta1": 0.85, "beta2": 0.85, "bias": "none",
        "deltaT": options.integer("prune-every", 1..=1_000_000)?, "exclude_modules": null, "fan_in_fan_out": false,
        "init_lora_weights": true, "init_r": rank, "layers_pattern": null, "layers_to_transform": null,
        "lora_alpha": alpha, "lora_dropout": 0.0, "orth_reg_weight": options.number("orthogonality", 0.0..=1e3)?,
        "r": 8, "rank_pattern": null, "target_modules": targets::names_of(&places), "target_r": target,
        "tfinal": STEPS - steps(last), "tinit": steps(first), "total_step": STEPS, "use_dora": false, "use_rslora": false,
    });
    Ok(PeftAdapter { config: config(base, "ADALORA", own)?, tensors, base: None })
}

/// Rank that all began with.
fn rank(config: &AdapterConfig) -> Result<u64> {
    let stated = config.raw.get("init_r").filter(|value| !value.is_null());
    let Some(stated) = stated else { return Ok(RANK) };
    let found = stated.as_u64().filter(|rank| (1..=65536).contains(rank));
    found.ok_or_else(|| Error::new(Kind::Value, "`init_r`", "a rank from 1 to 65536", stated))
}

/// α/(rank + 1e-5), as PEFT has it; an α that is not above 0 is the rank.
pub(super) fn scale(config: &AdapterConfig) -> Result<f32> {
    let rank = rank(config)? as f64;
    let stated = config.raw.get("lora_alpha").filter(|value| !value.is_null());
    let alpha = stated.map_or(Some(ALPHA), |value| value.as_f64().filter(|alpha| alpha.abs() <= 1e6));
    let refused = || {
        Error::new(
            Kind::Value,
            "`lora_alpha`",
            "a number from -1000000 to 1000000",
            stated.unwrap_or(&Value::Null),
        )
    };
    let alpha = alpha.ok_or_else(refused)?;
    Ok((if alpha > 0.0 { alpha } else { rank } / (rank + 1e-5)) as f32)
}

/// What `rank_pattern` calls a projection.
fn name(place: Place) -> String {
    format!("{}.{}", place.hf(), PARTS[1])
}

/// What is left of a projection's rank, as `rank_pattern` says.
fn left(config: &AdapterConfig, place: Place) -> Result<u64> {
    let pattern = config.raw.get("rank_pattern").and_then(|pattern| pattern.get(name(place)));
    let Some(pattern) = pattern else { return rank(config) };
    let flags = pattern.as_array().and_then(|all| all.iter().map(Value::as_bool).collect::<Option<Vec<_>>>());
    let refused = || Error::new(Kind::Type, "`rank_pattern`", "lists of true and false", pattern);
    Ok(flags.ok_or_else(refused)?.into_iter().filter(|left| *left).count() as u64)
}

fn is_memory(tensor: &AdapterTensor) -> bool {
    MEMORY.into_iter().chain([KEPT]).any(|kind| tensor.part.ends_with(&format!(".{kind}")))
}

/// A, E and B of each projection that has any rank left.
pub(super) fn parts<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<BTreeMap<Place, Found<'a>>> {
    let expected = |site: &Site| -> Result<Expected> {
        let (rank, [outputs, inputs]) = (left(&file.config, site.place)?, site.shape);
        Ok(PARTS.into_iter().zip([[rank, inputs], [rank, 1], [outputs, rank]]).collect())
    };
    let mut found = found(file.tensors.iter().filter(|one| !is_memory(one)), sizes, expected)?;
    found.retain(|_, parts| parts.iter().all(|(_, shape, _)| !shape.contains(&0)));
    Ok(found)
}

/// Rows of A and E, and columns of B, that are left.
fn without(tensor: &AdapterTensor, left: &[bool]) -> AdapterTensor {
    let (count, own) = (left.iter().filter(|one| **one).count() as u64, tensor.values.iter().copied());
    let [rows, cols] = [0, 1].map(|at| tensor.shape.get(at).copied().unwrap_or(1));
    let by_column = tensor.part == PARTS[2];
    let of =
        |at: usize| left.get(if by_column { at % cols.max(1) as usize } else { at / cols.max(1) as usize });
    let values = own.enumerate().filter(|(at, _)| of(*at) == Some(&true)).map(|(_, value)| value).collect();
    let shape = if by_column { vec![rows, count] } else { vec![count, cols] };
    AdapterTensor { shape, values, ..tensor.clone() }
}

/// Those k alone whose E is not 0, and none of what training knows; where none is left, one: nothing reads empty tensors
/// gladly.
pub(super) fn written(file: &PeftAdapter) -> Result<PeftAdapter> {
    let (mut patterns, mut each) = (Map::new(), BTreeMap::new());
    let begun = rank(&file.config)? as usize;
    for tensor in file.tensors.iter().filter(|one| one.part == PARTS[1]) {
        let Target::Projection(place) = tensor.target else { continue };
        let mut left: Vec<bool> = tensor.values.iter().map(|value| *value != 0.0).collect();
        if !left.contains(&true) {
            left.iter_mut().take(1).for_each(|first| *first = true);
        }
        // Of a rank that was taken away before, nobody knows any more which k it was.
        let pattern =
            (0..begun).map(|at| left.get(at).copied().unwrap_or(false).into()).collect::<Vec<Value>>();
        patterns.insert(name(place), pattern.into());
        each.insert(place, left);
    }
    let kept = |tensor: &AdapterTensor| match &tensor.target {
        Target::Projection(place) => {
            each.get(place).map_or_else(|| tensor.clone(), |left| without(tensor, left))
        }
        _ => tensor.clone(),
    };
    let mut written = PeftAdapter { tensors: Vec::new(), ..file.clone() };
    written.tensors = file.tensors.iter().filter(|one| !is_memory(one)).map(kept).collect();
    written.config.raw.insert("rank_pattern".to_owned(), patterns.into());
    Ok(written)
}
