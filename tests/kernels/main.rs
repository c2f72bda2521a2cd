//! Every kernel against references that share no code with it.

#![allow(clippy::unwrap_used, reason = "what is missing fails its test")]

mod adamw;
mod add_rms_norm;
mod attention;
mod ceiling;
mod cross_entropy;
mod dropout;
mod gated_unit;
mod gpu_errors;
mod gradient_norm;
mod lora;
mod matrix;
mod rms_norm;
mod rope;

#[cfg(target_family = "wasm")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
