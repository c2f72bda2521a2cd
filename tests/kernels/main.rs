//! Every kernel against references that share no code with it.

mod gpu_errors;
mod matrix;
mod rms_norm;

#[cfg(target_family = "wasm")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
