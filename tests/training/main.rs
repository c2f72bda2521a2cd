//! Training against PyTorch and PEFT: fixtures that `tests/fixtures/training/` tells of.
#![cfg(not(target_family = "wasm"))]

#[path = "../models/fixtures.rs"]
mod models;
mod parity;
mod runs;
