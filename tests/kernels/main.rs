//! Every kernel against references that share no code with it.

mod add_rms_norm;
mod attention;
mod gated_unit;
mod gpu_errors;
mod matrix;
mod rms_norm;
mod rope;

#[cfg(target_family = "wasm")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
