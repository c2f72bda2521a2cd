//! SmolLM2-135M's real file, for the tests that `cargo xtask conformance` runs.

use smolder_formats::{Error, Source};
use smolder_kernels::burn::tensor::Device;
use smolder_models::{Model, Opened};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::PathBuf;

fn file() -> PathBuf {
    let path = std::env::var_os("SMOLDER_SMOLLM2");
    path.unwrap_or_else(|| panic!("SMOLDER_SMOLLM2 must name SmolLM2's GGUF file")).into()
}

/// The model on a device.
pub async fn load(device: &Device) -> Model {
    let path = file();
    let find = |name: &str| {
        let file = File::open(&path).map_err(|error| Error::io("file", &error).in_file(name))?;
        Source::new(name, file).map(Some)
    };
    let mut opened = Opened::gguf("SmolLM2", &mut { find }).unwrap();
    let config = opened.config.clone();
    let go_on = &mut |_, _| ControlFlow::Continue(());
    Model::load(opened.weights.source(), config, device, go_on).await.unwrap()
}

/// Prints a line of conformance's table; whether the error is within the tolerance.
pub fn verdict(name: &str, what: &str, error: f64, tolerance: f64) -> bool {
    let good = error <= tolerance;
    println!(
        "{} {name:34} {what:10} off by {error:.1e} of {tolerance:e}",
        if good { "ok  " } else { "FAIL" }
    );
    good
}
