//! The fuzz targets without a fuzzer: the committed corpus, then random changes to it for a while.
//!
//! `SMOLDER_FUZZ_SECONDS` says how long each target runs; a second where it says nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use smolder_formats::TensorSource;
use smolder_formats::gguf::GgufFile;
use smolder_formats::model::ModelConfig;
use smolder_formats::safetensors::HfModel;

#[path = "../fuzz/targets.rs"]
mod targets;

/// What one input may take of the processor's time.
const LIMIT: Duration = Duration::from_secs(1);

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Flips, overwrites, removes, doubles or splices bytes.
fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(data.len());
        match random.below(6) {
            0 if !data.is_empty() => data[at] ^= 1 << random.below(8),
            1 if !data.is_empty() => data[at] = [0, 1, 0x7f, 0x80, 0xff, b'"', b'{', b'%'][random.below(8)],
            2 => data.truncate(at),
            3 => {
                let end = at + random.below(data.len() - at + 1).min(64);
                let piece = data[at..end].to_vec();
                data.splice(at..at, piece);
            }
            4 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                data.splice(at..at, other[from..].iter().copied().take(random.below(64)));
            }
            _ => {
                let end = (at + random.below(16)).min(data.len());
                data.drain(at..end);
            }
        }
    }
    data
}

/// The committed inputs of a target, by their names.
fn corpus(name: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = crate::fixture("../../fuzz/corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

/// What is refused at once leads a fuzzer nowhere.
#[test]
fn models_in_the_corpus_are_whole() {
    let mut types = BTreeSet::new();
    for (name, bytes) in corpus("gguf") {
        let file = GgufFile::open(crate::memory(&name, bytes)).unwrap();
        types.extend(file.tensors().iter().map(|tensor| tensor.dtype.to_string()));
        if name.starts_with("model_") {
            let config = ModelConfig::from_gguf(&file.header.metadata).unwrap();
            config.check_tensors(&file).unwrap();
            assert_eq!(name, format!("model_{}", config.architecture));
        }
    }
    assert_eq!(types.len(), 14, "{types:?}");
    let mut types = BTreeSet::new();
    for (name, bytes) in corpus("safetensors").into_iter().filter(|(name, _)| name.starts_with("model_")) {
        let (config, weights) = targets::halves(&bytes).unwrap();
        let part = |file: &str| match file {
            "config.json" => Some(config.to_vec()),
            "model.safetensors" => Some(weights.to_vec()),
            _ => None,
        };
        let model = HfModel::open(|file| Ok(part(file).map(|bytes| crate::memory(file, bytes)))).unwrap();
        model.config.check_tensors(&model).unwrap();
        assert_eq!(name, format!("model_{}", model.config.architecture));
        types.extend(model.tensors().iter().map(|tensor| tensor.dtype.to_string()));
    }
    assert_eq!(types.len(), 3, "{types:?}");
}

fn run(name: &str, target: fn(&[u8])) {
    let seeds: Vec<Vec<u8>> = corpus(name).into_values().collect();
    assert!(seeds.len() >= 2, "{name} has no corpus");
    let seconds = std::env::var("SMOLDER_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut random = Random(0x5eed);
    let (mut executions, mut slowest) = (seeds.len(), Duration::ZERO);
    for seed in &seeds {
        target(seed);
    }
    while Instant::now() < end {
        let data = mutate(&mut random, &seeds);
        let ((), ran) = crate::clock::time(|| target(&data));
        assert!(ran < LIMIT, "{ran:?} for {data:?}");
        slowest = slowest.max(ran);
        executions += 1;
    }
    println!("{name}: {executions} executions, the slowest {slowest:?}");
}

#[test]
fn fuzz_gguf() {
    run("gguf", targets::gguf);
}

#[test]
fn fuzz_safetensors() {
    run("safetensors", targets::safetensors);
}

#[test]
fn fuzz_template() {
    run("template", targets::template);
}

#[test]
fn fuzz_dataset() {
    run("dataset", targets::dataset);
}

#[test]
fn fuzz_adapter() {
    run("adapter", targets::adapter);
}
