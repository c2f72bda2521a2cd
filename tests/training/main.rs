//! Training against PyTorch and PEFT: fixtures that `tests/fixtures/training/` tells of.

#![allow(clippy::unwrap_used, reason = "what is missing fails its test")]
#![cfg(not(target_family = "wasm"))]

mod adapters;
mod dropout;
mod evaluating;
mod failures;
mod harness;
mod parity;
mod resuming;
mod runs;
mod sessions;
