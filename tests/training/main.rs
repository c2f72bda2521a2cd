//! Training: against PyTorch and PEFT, by fixtures that `tests/fixtures/training/` tells of, and against accidents.

#![allow(clippy::panic, clippy::unwrap_used, reason = "what is missing fails its test")]
#![cfg(not(target_family = "wasm"))]

mod adapters;
mod combining;
mod converting;
mod dropout;
mod evaluating;
mod failures;
mod harness;
mod memory;
mod methods;
mod parity;
mod particular;
mod resuming;
mod runs;
mod sessions;
mod smollm2;
