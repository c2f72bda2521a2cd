//! The sampler against transformers' logits processors, against a second `ChaCha8`, and against its own promises.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use smolder_models::sampling::{Candidate, Sampler, Sampling, SamplingError};
use std::collections::BTreeMap;

/// What `tests/fixtures/models/sampling.py` wrote; a macro, since its type is of a crate that is not used here.
macro_rules! fixture {
    ($key:literal) => {{
        let json = include_bytes!("../../../tests/fixtures/models/sampling.json");
        smolder_formats::json::object(json, 1 << 20).unwrap()[$key].as_array().unwrap().clone()
    }};
}

macro_rules! numbers {
    ($value:expr, $type:ty) => {
        $value
            .as_array()
            .unwrap()
            .iter()
            .map(|number| number.as_f64().unwrap() as $type)
            .collect::<Vec<$type>>()
    };
}

fn sampler(sampling: Sampling) -> Sampler {
    Sampler::new(sampling).unwrap()
}

/// The probabilities of the tokens that may be drawn.
fn probabilities(candidates: &[Candidate]) -> BTreeMap<u32, f64> {
    let total: f64 = candidates.iter().map(|candidate| candidate.weight).sum();
    candidates.iter().map(|candidate| (candidate.id, candidate.weight / total)).collect()
}

#[test]
fn what_may_be_drawn_is_what_transformers_leaves() {
    let mut compared = 0;
    for case in fixture!("cases") {
        let settings = &case["settings"];
        let setting =
            |name: &str, neutral: f32| settings[name].as_f64().map_or(neutral, |found| found as f32);
        let mut sampler = sampler(Sampling {
            temperature: setting("temperature", 1.0),
            top_k: settings["top_k"].as_u64().unwrap_or(0) as usize,
            top_p: setting("top_p", 1.0),
            min_p: setting("min_p", 0.0),
            repetition_penalty: setting("repetition_penalty", 1.0),
            ..Sampling::default()
        });
        let (mut logits, history) = (numbers!(case["logits"], f32), numbers!(case["history"], u32));
        let found = probabilities(sampler.candidates(&mut logits, &history).unwrap());
        let kept: Vec<Vec<f64>> =
            case["kept"].as_array().unwrap().iter().map(|pair| numbers!(pair, f64)).collect();
        let expected: BTreeMap<u32, f64> = kept.iter().map(|pair| (pair[0] as u32, pair[1])).collect();
        // Below this the references' 32-bit exponents decide whether anything is left.
        let ids = |of: &BTreeMap<u32, f64>| {
            of.iter().filter(|(_, p)| **p > 1e-30).map(|(id, _)| *id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&found), ids(&expected), "{settings}");
        for (id, probability) in &expected {
            let difference = (probability - found.get(id).unwrap_or(&0.0)).abs();
            assert!(difference < 1e-6, "{settings}: token {id} differs by {difference:e}");
        }
        compared += 1;
    }
    assert_eq!(compared, 34);
}

#[test]
fn a_seed_draws_what_the_cipher_says() {
    for case in fixture!("draws") {
        let seed = case["seed"].as_u64().unwrap();
        let mut sampler = sampler(Sampling { temperature: 1.0, seed, ..Sampling::default() });
        let logits = numbers!(case["logits"], f32);
        let drawn: Vec<u32> = (0..64).map(|_| sampler.next(&mut logits.clone(), &[]).unwrap()).collect();
        assert_eq!(drawn, numbers!(case["tokens"], u32), "seed {seed}");
    }
}

#[test]
fn tokens_come_as_often_as_they_are_probable() {
    const DRAWS: u32 = 40_000;
    let logits = [2.0, 0.5, -1.0, f32::NEG_INFINITY, 1.0, 1.0];
    let mut sampler = sampler(Sampling { temperature: 1.3, seed: 9, ..Sampling::default() });
    let expected = probabilities(sampler.candidates(&mut logits.clone(), &[]).unwrap());
    let mut counts = BTreeMap::new();
    for _ in 0..DRAWS {
        *counts.entry(sampler.next(&mut logits.clone(), &[]).unwrap()).or_insert(0_u32) += 1;
    }
    assert_eq!(counts.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (id, probability) in expected {
        let deviation = (f64::from(DRAWS) * probability * (1.0 - probability)).sqrt();
        let difference = (f64::from(counts[&id]) - f64::from(DRAWS) * probability).abs();
        assert!(difference < 4.0 * deviation, "token {id}: {difference} draws from what is due");
    }
}

#[test]
fn greedy_takes_the_likeliest_and_of_equals_the_first() {
    let penalty = |penalty, window| Sampling {
        repetition_penalty: penalty,
        repetition_window: window,
        ..Sampling::default()
    };
    let table: [(Sampling, &[f32], &[u32], u32); 9] = [
        (Sampling::default(), &[0.0, 3.0, 1.0], &[], 1),
        (Sampling::default(), &[-2.0, -1.0, -1.0], &[], 1),
        (Sampling::default(), &[-0.0, 0.0], &[], 0),
        (Sampling::default(), &[f32::NEG_INFINITY, -1e30], &[], 1),
        (Sampling::default(), &[0.0, 3.0, 2.0], &[1, 99], 1),
        (penalty(2.0, None), &[0.0, 3.0, 2.0], &[1], 2),
        (penalty(2.0, None), &[-3.0, -2.0, -3.5], &[1, 1, 1], 0),
        (penalty(2.0, None), &[0.0, 3.0, 1.8], &[1, 0, 0], 2),
        (penalty(2.0, Some(2)), &[0.0, 3.0, 1.8], &[1, 0, 0], 1),
    ];
    for (sampling, logits, history, expected) in table {
        let found = sampler(sampling.clone()).next(&mut logits.to_vec(), history);
        assert_eq!(found, Ok(expected), "{sampling:?} {logits:?} {history:?}");
    }
}

#[test]
fn a_repeated_token_is_penalized_once() {
    let mut logits = [4.0, -4.0, 1.0];
    let sampling = Sampling { repetition_penalty: 2.0, ..Sampling::default() };
    sampler(sampling).next(&mut logits, &[0, 1, 0, 1, 1]).unwrap();
    assert_eq!(logits.map(f32::to_bits), [2.0_f32, -8.0, 1.0].map(f32::to_bits));
}

#[test]
fn of_equals_at_the_border_top_k_keeps_all_and_top_p_the_first() {
    let ids = |sampling: Sampling| {
        let mut sampler = sampler(sampling);
        probabilities(sampler.candidates(&mut [1.0, 2.0, 2.0, 2.0, 0.0], &[]).unwrap())
            .into_keys()
            .collect::<Vec<_>>()
    };
    let warm = Sampling { temperature: 1.0, ..Sampling::default() };
    assert_eq!(ids(Sampling { top_k: 2, ..warm.clone() }), [1, 2, 3]);
    assert_eq!(ids(Sampling { top_p: 0.5, ..warm.clone() }), [1, 2]);
    assert_eq!(ids(Sampling { top_p: 0.0, ..warm.clone() }), [1]);
    assert_eq!(ids(Sampling { min_p: 1.0, ..warm }), [1, 2, 3]);
}

#[test]
fn what_is_no_probability_is_an_error() {
    let warm = Sampling { temperature: 1.0, top_k: 2, top_p: 0.9, ..Sampling::default() };
    let next = |logits: &[f32]| sampler(warm.clone()).next(&mut logits.to_vec(), &[]).unwrap_err();
    assert!(matches!(next(&[0.0, f32::NAN]), SamplingError::NotFinite { id: 1, .. }));
    assert_eq!(next(&[f32::INFINITY]), SamplingError::NotFinite { id: 0, found: f32::INFINITY });
    assert_eq!(next(&[f32::NEG_INFINITY; 3]), SamplingError::NothingPossible { vocabulary: 3 });
    assert_eq!(next(&[]), SamplingError::NothingPossible { vocabulary: 0 });
    let repeat = Sampling { repetition_penalty: 0.01, ..Sampling::default() };
    let overflow = sampler(repeat.clone()).next(&mut [1e38], &[0]);
    assert_eq!(overflow, Err(SamplingError::NotFinite { id: 0, found: f32::INFINITY }));
    let unknown = sampler(repeat).next(&mut [1.0], &[7]);
    assert_eq!(unknown, Err(SamplingError::UnknownToken { id: 7, vocabulary: 1 }));
}

#[test]
fn settings_have_ranges() {
    let good = Sampling::default();
    for bad in [f32::NAN, -0.1, f32::INFINITY] {
        for sampling in [
            Sampling { temperature: bad, ..good.clone() },
            Sampling { top_p: bad, ..good.clone() },
            Sampling { min_p: bad, ..good.clone() },
            Sampling { repetition_penalty: bad, ..good.clone() },
        ] {
            assert!(matches!(Sampler::new(sampling), Err(SamplingError::Setting { .. })), "{bad}");
        }
    }
    let error = Sampler::new(Sampling { top_p: 1.5, ..good }).unwrap_err();
    assert_eq!(error.to_string(), "top_p: expected 0 to 1, found 1.5");
}
