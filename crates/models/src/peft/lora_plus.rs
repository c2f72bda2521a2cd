//! LoRA+: a LoRA whose B learns λ times as fast as A, λ about 16 (Hayou et al. 2024, arXiv 2402.12354). What is written is
//! a LoRA.

use super::lora::{self, ALPHA, ALPHAS, DROPOUT, RANK, RANKS, RSLORA};
use super::{Extras, Method, OptionSpec, Options};
use smolder_formats::Result;

pub(super) const METHOD: Method = Method {
    name: "lora-plus",
    about: "a LoRA whose second matrix learns faster than its first",
    options: &[
        RANK,
        ALPHA,
        RSLORA,
        lora::TARGETS,
        RANKS,
        ALPHAS,
        DROPOUT,
        OptionSpec {
            name: "ratio",
            default: "16",
            about: "the second matrix's learning rate over the first's",
        },
    ],
    lr: 2e-4,
    extras: Extras { rate, ..Extras::NONE },
    ..lora::METHOD
};

fn rate(options: &Options, key: &str) -> Result<f64> {
    let ratio = options.number("ratio", 1e-3..=1e4)?;
    // An embedding's B, which begins as numbers, is what A is elsewhere.
    let faster = key.ends_with("lora_B.weight") || key.ends_with("lora_embedding_A");
    Ok(if faster { ratio } else { 1.0 })
}
