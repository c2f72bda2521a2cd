//! Combinations are what PEFT makes of them; see `tests/fixtures/combining/`.

use crate::runs::{file, json, tensors};
use serde_json::Value;
use smolder_formats::Kind;
use smolder_formats::adapter::{AdapterTensor, LoraAdapter, Module, PeftAdapter};
use smolder_models::{Approximation, Combination, LoadError, Rule, Sign, WAYS, Way, combine};
use smolder_tests::fixtures::open_gguf;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

const MODEL: &str = "models/llama-llama3/q4_0.gguf";
const CAT: Combination = Combination { way: Way::Cat, rank: None, density: None, sign: Sign::Total, seed: 0 };

fn one(name: &str) -> PeftAdapter {
    file(&format!("combining/tiny/{name}"))
}

fn combined(adapters: &[(PeftAdapter, f64)], settings: &Combination) -> Result<Approximation, LoadError> {
    let config = open_gguf(MODEL).config;
    let go_on = &mut |_, _| ControlFlow::Continue(());
    pollster::block_on(combine(adapters, settings, &config, go_on))
}

/// `factor·B·A`, of an embedding too.
fn product(factor: f64, [a, b]: [&[f32]; 2], rank: usize) -> Vec<f64> {
    let cols = a.len() / rank;
    let entry = |b: &[f32], col: usize| {
        let terms = (0..rank).map(|k| f64::from(b[k]) * f64::from(a[k * cols + col]));
        factor * terms.sum::<f64>()
    };
    b.chunks(rank).flat_map(|b| (0..cols).map(move |col| entry(b, col))).collect()
}

fn products(lora: &LoraAdapter) -> BTreeMap<Module, Vec<f64>> {
    let one = |pair: &smolder_formats::adapter::LoraPair| {
        let rank = pair.scale.rank as usize;
        (pair.module, product(pair.scale.factor(), [&pair.a, &pair.b], rank))
    };
    lora.pairs.iter().map(one).collect()
}

/// The products that PEFT's file stands for, as its config counts them.
fn expected(entry: &Value) -> BTreeMap<Module, Vec<f64>> {
    let name = entry["name"].as_str().unwrap();
    let mut found: BTreeMap<Module, [Vec<f32>; 2]> = BTreeMap::new();
    for (key, values) in tensors(&format!("combining/tiny/{name}.safetensors")) {
        let tensor = AdapterTensor::new(&key, vec![], values).unwrap();
        let module = tensor.target.module().unwrap();
        let half = usize::from(tensor.part == module.parts()[1]);
        found.entry(module).or_default()[half] = tensor.values;
    }
    let config = open_gguf(MODEL).config;
    let one = |(module, [a, b]): (Module, [Vec<f32>; 2])| {
        let rank = a.len() / module.shape(&config.sizes).unwrap()[1] as usize;
        (module, product(entry["scale"].as_f64().unwrap(), [&a, &b], rank))
    };
    found.into_iter().map(one).collect()
}

fn settings(entry: &Value) -> Combination {
    let way = WAYS.iter().find(|(name, _)| entry["how"] == *name).unwrap().1;
    let frequency = entry["majority_sign_method"] == "frequency";
    let sign = if frequency { Sign::Frequency } else { Sign::Total };
    Combination { way, rank: entry["svd_rank"].as_u64(), density: entry["density"].as_f64(), sign, seed: 0 }
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

#[test]
fn combinations_are_those_of_peft() {
    let entries = json("combining/tiny/combined.json");
    let entries = entries.as_array().unwrap();
    for (name, way) in WAYS {
        assert!(entries.iter().any(|entry| entry["how"] == name), "{name}, {way:?}");
    }
    for entry in entries {
        let part = |part: &Value| (one(part[0].as_str().unwrap()), part[1].as_f64().unwrap());
        let adapters: Vec<_> = entry["parts"].as_array().unwrap().iter().map(part).collect();
        let combined = combined(&adapters, &settings(entry)).unwrap();
        let (found, expected) = (products(&combined.lora), expected(entry));
        assert!(found.keys().eq(expected.keys()), "{}", entry["name"]);
        for (module, expected) in &expected {
            let off = norm(found[module].iter().zip(expected).map(|(found, expected)| found - expected));
            let size = norm(expected.iter().copied());
            assert!(
                size > 0.1 && off <= 2e-5 * size,
                "{} {}: off by {off:e} of {size}",
                entry["name"],
                module.hf()
            );
        }
        let again = LoraAdapter::from_peft(combined.lora.to_peft()).unwrap();
        assert_eq!(again, combined.lora, "{}", entry["name"]);
    }
}

#[test]
fn a_concatenation_is_the_weighted_sum() {
    let parts = [("one", 0.7), ("two", -1.0), ("narrow", 1.5)];
    let parts = parts.map(|(name, weight)| (one(name), weight));
    let combined = combined(&parts, &CAT).unwrap();
    assert!(combined.distances.is_empty());
    let mut sums: BTreeMap<Module, Vec<f64>> = BTreeMap::new();
    for (adapter, weight) in parts {
        for (module, product) in products(&LoraAdapter::from_peft(adapter).unwrap()) {
            let sum = sums.entry(module).or_insert_with(|| vec![0.0; product.len()]);
            sum.iter_mut().zip(product).for_each(|(sum, x)| *sum += weight * x);
        }
    }
    for (module, found) in products(&combined.lora) {
        let worst = found.iter().zip(&sums[&module]).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-6, "{}: off by {worst:e}", module.hf());
    }
}

#[test]
fn the_seed_decides_what_chance_leaves_out() {
    let parts = [(one("one"), 1.0), (one("two"), 1.0)];
    let drawn = |seed| {
        let way = Way::Factors(Rule::DareLinear);
        let settings = Combination { way, density: Some(0.5), seed, ..CAT };
        combined(&parts, &settings).unwrap().lora.pairs
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

#[test]
fn what_cannot_be_combined_is_refused() {
    let refused = |adapters: &[(PeftAdapter, f64)], settings: &Combination, kind: Kind, words: &str| {
        let error = combined(adapters, settings).unwrap_err();
        let LoadError::File(error) = error else { panic!("{error}") };
        assert!(error.kind == kind && error.to_string().contains(words), "{error}");
    };
    let llama = |name: &str| (file(&format!("training/tiny/llama-{name}/start-padded-final")), 1.0);
    let plain = || (one("one"), 1.0);
    refused(&[plain(), llama("dora")], &CAT, Kind::Unsupported, "DoRA magnitudes");
    refused(&[plain(), llama("loha")], &CAT, Kind::Unsupported, "`peft_type`");
    let other = (file("training/tiny/qwen2-lora/start-padded-final"), 1.0);
    refused(&[plain(), other], &CAT, Kind::Shape, "as in the base model");
    refused(&[(one("one"), f64::NAN)], &CAT, Kind::Value, "weight");
    let linear = Combination { way: Way::Factors(Rule::Linear), ..CAT };
    refused(&[plain(), (one("narrow"), 1.0)], &linear, Kind::Mismatch, "rank 4");
    refused(&[plain()], &Combination { rank: Some(4), ..CAT }, Kind::Value, "rank");
    refused(&[plain()], &Combination { density: Some(0.5), ..CAT }, Kind::Value, "density");
    let ties = Combination { way: Way::Svd(Rule::Ties), ..CAT };
    for density in [None, Some(0.0), Some(1.5), Some(f64::NAN)] {
        refused(&[plain()], &Combination { density, ..ties }, Kind::Value, "density");
    }
    for rank in [0, 10_000] {
        let settings = Combination { rank: Some(rank), density: Some(0.5), ..ties };
        refused(&[plain()], &settings, Kind::Value, "rank");
    }
}

#[test]
fn lorahub_sums_matrices_with_the_weights_themselves() {
    let (one, two) = (one("one"), one("two"));
    let hub = Combination { way: Way::Hub, ..CAT };
    let found = products(&combined(&[(one.clone(), 0.75), (two.clone(), -0.5)], &hub).unwrap().lora);
    let parts = [one, two].map(|file| LoraAdapter::from_peft(file).unwrap());
    let mut compared = 0;
    for pair in &parts[0].pairs {
        let Some(other) = parts[1].pairs.iter().find(|one| one.module == pair.module) else { continue };
        // Each factor counts the root of its adapter's scale.
        let [s, t] = [pair, other].map(|one| one.scale.factor().sqrt() as f32);
        let sum = |a: &[f32], b: &[f32]| -> Vec<f32> {
            a.iter().zip(b).map(|(a, b)| 0.75 * s * a - 0.5 * t * b).collect()
        };
        let (a, b) = (sum(&pair.a, &other.a), sum(&pair.b, &other.b));
        let expected = product(1.0, [&a, &b], pair.scale.rank as usize);
        let off = norm(found[&pair.module].iter().zip(&expected).map(|(a, b)| a - b));
        assert!(off <= 1e-5 * norm(expected.iter().copied()), "{}: off by {off}", pair.module.hf());
        compared += 1;
    }
    assert!(compared >= 1, "modules that both have");
    let nothing = combined(&[(parts[0].to_peft(), 0.0)], &hub).unwrap().lora;
    assert!(products(&nothing).values().flatten().all(|value| *value == 0.0), "weights of 0 are the base");
}
