//! Models against transformers' numbers: fixtures that `tests/fixtures/models/` tells of.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what is missing fails its test")]

#[cfg(not(target_family = "wasm"))]
mod failures;
mod generate;
mod logits;
#[cfg(target_family = "wasm")]
mod opfs;
mod session;
#[cfg(not(target_family = "wasm"))]
mod smollm2;

#[cfg(target_family = "wasm")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
