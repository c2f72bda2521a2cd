//! Models against transformers' numbers: fixtures that `tests/fixtures/models/` tells of.
#![cfg(not(target_family = "wasm"))]

mod fixtures;
mod generate;
mod logits;
mod smollm2;
