//! Parameter-efficient methods: each changes a frozen model where it hooks in.
//!
//! A method is a file and a line of [`METHODS`]. It turns its options into a fresh adapter in PEFT's form, and PEFT's
//! form into an adapter on a device; training, saving, resuming and continuing all go through these two.

mod adalora;
mod adamix;
mod adapter;
mod beside;
mod bitfit;
mod bottleneck;
mod compacter;
mod dora;
mod dylora;
mod experts;
pub(crate) mod factoring;
mod hira;
mod houlsby;
mod ia3;
mod llama_adapter;
mod ln_tuning;
mod loha;
mod lokr;
mod lora;
mod lora_fa;
mod lora_plus;
mod lstm;
mod mam;
mod method;
mod miss;
mod molora;
mod mpt;
mod network;
mod olora;
mod options;
mod p_tuning;
mod pafi;
mod parallel_adapter;
mod pfeiffer;
mod pissa;
mod placed;
mod prefix_tuning;
mod prompt_tuning;
mod qa_lora;
pub(crate) mod random;
mod residual_prompt;
mod sparse;
mod ssf;
mod taken;
mod targets;
mod vera;

use crate::model::Model;
use serde_json::{Value, json};
use smolder_formats::adapter::{AdapterConfig, AdapterTensor, PeftAdapter};
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::{Tensor, TensorData};

pub use adapter::{Adapter, Base, Parameter, Progress, Sublayer, Update};
pub use llama_adapter::Adaption;
pub(crate) use lora::change_linear;
pub(crate) use method::{Extras, Merge};
pub use method::{Fresh, Method};
pub use options::{OptionSpec, Options};

/// Every method.
pub const METHODS: [&Method; 32] = [
    &lora::METHOD,
    &lora_plus::METHOD,
    &lora_fa::METHOD,
    &dylora::METHOD,
    &adamix::METHOD,
    &molora::METHOD,
    &dora::METHOD,
    &pissa::METHOD,
    &olora::METHOD,
    &qa_lora::METHOD,
    &vera::METHOD,
    &loha::METHOD,
    &lokr::METHOD,
    &hira::METHOD,
    &miss::METHOD,
    &adalora::METHOD,
    &ia3::METHOD,
    &ssf::METHOD,
    &ln_tuning::METHOD,
    &bitfit::METHOD,
    &pafi::METHOD,
    &prompt_tuning::METHOD,
    &p_tuning::METHOD,
    &residual_prompt::METHOD,
    &mpt::METHOD,
    &prefix_tuning::METHOD,
    &llama_adapter::METHOD,
    &houlsby::METHOD,
    &pfeiffer::METHOD,
    &parallel_adapter::METHOD,
    &compacter::METHOD,
    &mam::METHOD,
];

/// An adapter on the model's device.
///
/// # Errors
/// [`Kind::Unsupported`] for a method that is not in [`METHODS`]; [`Kind::Missing`] or [`Kind::Shape`] where the tensors
/// do not fit the model.
pub fn load(file: &PeftAdapter, model: &Model) -> Result<Box<dyn Adapter>> {
    (Method::of(file)?.load)(file, model)
}

/// The same adapter with another share of its change: what is at rest stays, and the way from there is `strength` times
/// as far.
///
/// # Errors
/// [`Kind::Unsupported`] for a method that has no rest.
pub fn with_strength(mut file: PeftAdapter, strength: f32) -> Result<PeftAdapter> {
    let method = Method::of(&file)?;
    let mut found = false;
    for tensor in &mut file.tensors {
        let Some(rest) = (method.rest)(&tensor.part) else { continue };
        tensor.values.iter_mut().for_each(|value| *value = rest + strength * (*value - rest));
        found = true;
    }
    if found {
        return Ok(file);
    }
    Err(Error::new(Kind::Unsupported, "strength", "an adapter that can act in part, as LoRA", method.name))
}

/// A file's tensor on the model's device: a matrix, a vector as one row.
fn on_device(tensor: &AdapterTensor, shape: [u64; 2], model: &Model) -> Result<Tensor<2>> {
    placed::fits(tensor, shape)?;
    let data = TensorData::new(tensor.values.clone(), shape.map(|dim| dim as usize));
    Ok(Tensor::from_data(data, model.device()))
}

/// `adapter_config.json`: what every method's has, and `own`, which the method adds.
fn config(base: &str, peft_type: &str, own: Value) -> Result<AdapterConfig> {
    let mut all = json!({
        "auto_mapping": null, "base_model_name_or_path": base, "inference_mode": true, "modules_to_save": null,
        "peft_type": peft_type, "revision": null, "task_type": "CAUSAL_LM",
    });
    if let (Value::Object(all), Value::Object(own)) = (&mut all, own) {
        all.extend(own);
    }
    AdapterConfig::from_json(all.to_string().as_bytes())
}
