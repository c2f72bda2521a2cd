//! Training against PyTorch and PEFT: fixtures that `tests/fixtures/training/` tells of.

#![cfg(not(target_family = "wasm"))]

mod parity;
mod runs;
