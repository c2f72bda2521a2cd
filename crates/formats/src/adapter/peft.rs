//! PEFT's files, for every method: keys resolved to the modules they belong to.

use std::io::{Read, Seek, Write};

use super::config::AdapterConfig;
use super::identity::BaseIdentity;
use super::module::Module;
use crate::error::{Error, Kind, Result};
use crate::names::Place;
use crate::safetensors::{Entry, Safetensors, write};
use crate::source::Source;
use crate::tensor::TensorSource;

const PREFIX: &str = "base_model.model.";
/// How the matrices that PEFT copies from the base end: those of targets outside of layers, which may have been resized.
const COPY: &str = ".base_layer.weight";
/// Where a file without a directory keeps its `adapter_config.json`.
pub(crate) const CONFIG_KEY: &str = "smolder.adapter_config";

/// What an adapter's tensor belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A projection of a layer.
    Projection(Place),
    /// Another module, by its path.
    Module(String),
    /// The whole model: prompts, shared matrices.
    Model,
}

impl Target {
    /// The weight that a LoRA on it changes.
    pub fn module(&self) -> Option<Module> {
        match self {
            Self::Projection(place) => Some(Module::Projection(*place)),
            Self::Module(path) => Module::from_hf(path),
            Self::Model => None,
        }
    }
}

impl From<Module> for Target {
    fn from(module: Module) -> Self {
        match module {
            Module::Projection(place) => Self::Projection(place),
            Module::Embedding | Module::Head => Self::Module(module.hf()),
        }
    }
}

/// One tensor of an adapter, as floats.
#[derive(Debug, Clone, PartialEq)]
pub struct AdapterTensor {
    /// What it belongs to.
    pub target: Target,
    /// Which of the method's tensors it is: `lora_A.weight`, `ia3_l` …
    pub part: String,
    /// Its shape.
    pub shape: Vec<u64>,
    /// Its elements.
    pub values: Vec<f32>,
}

impl AdapterTensor {
    /// The tensor that a PEFT file has under `key`.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for keys of no known method.
    pub fn new(key: &str, shape: Vec<u64>, values: Vec<f32>) -> Result<Self> {
        let (target, part) = resolve(key)?;
        Ok(Self { target, part, shape, values })
    }

    /// The key in a PEFT file.
    pub fn key(&self) -> String {
        match &self.target {
            Target::Projection(place) => format!("{PREFIX}{}.{}", place.hf(), self.part),
            Target::Module(path) => format!("{PREFIX}{path}.{}", self.part),
            Target::Model => self.part.clone(),
        }
    }
}

/// An adapter as PEFT stores it, whatever its method.
#[derive(Debug, Clone, PartialEq)]
pub struct PeftAdapter {
    /// `adapter_config.json`.
    pub config: AdapterConfig,
    /// All tensors.
    pub tensors: Vec<AdapterTensor>,
    /// The base model, where the file says.
    pub base: Option<BaseIdentity>,
}

/// The names with which a method's tensors can end, longest first where one ends with another.
const PARTS: [&str; 98] = [
    "lora_A.weight",
    "lora_B.weight",
    "lora_embedding_A",
    "lora_embedding_B",
    "lora_magnitude_vector",
    "taken_A",
    "taken_B",
    "adamix_A",
    "adamix_B",
    "molora_A",
    "molora_B",
    "molora_router",
    "lora_A.sensitivity",
    "lora_A.uncertainty",
    "lora_B.sensitivity",
    "lora_B.uncertainty",
    "lora_E.sensitivity",
    "lora_E.uncertainty",
    "lora_E.kept",
    "lora_E",
    "lora_A",
    "lora_B",
    "ia3_l",
    "vera_lambda_b",
    "vera_lambda_d",
    "hada_w1_a",
    "hada_w1_b",
    "hada_w2_a",
    "hada_w2_b",
    "lokr_w1_a",
    "lokr_w1_b",
    "lokr_w2_a",
    "lokr_w2_b",
    "lokr_w1",
    "lokr_w2",
    "ln_tuning_layers.weight",
    "beft_bias",
    "bitfit_delta",
    "sparse_rows",
    "sparse_columns",
    "sparse_values",
    "ssf_scale",
    "ssf_shift",
    "adapter_down.weight",
    "adapter_down.bias",
    "adapter_up.weight",
    "adapter_up.bias",
    "compacter_rule",
    "compacter_down.s",
    "compacter_down.t",
    "compacter_down.bias",
    "compacter_up.s",
    "compacter_up.t",
    "compacter_up.bias",
    "miss_block",
    "hira_A",
    "hira_B",
    "trainable_tokens_delta",
    "adaption_prompt",
    "adaption_gate",
    "prefix_task_cols",
    "prefix_task_rows",
    "prompt_embeddings",
    "prompt_encoder.embedding.weight",
    "prompt_encoder.mlp_head.0.weight",
    "prompt_encoder.mlp_head.0.bias",
    "prompt_encoder.mlp_head.2.weight",
    "prompt_encoder.mlp_head.2.bias",
    "prompt_encoder.mlp_head.4.weight",
    "prompt_encoder.mlp_head.4.bias",
    "prompt_encoder.lstm_head.weight_ih_l0",
    "prompt_encoder.lstm_head.weight_hh_l0",
    "prompt_encoder.lstm_head.bias_ih_l0",
    "prompt_encoder.lstm_head.bias_hh_l0",
    "prompt_encoder.lstm_head.weight_ih_l0_reverse",
    "prompt_encoder.lstm_head.weight_hh_l0_reverse",
    "prompt_encoder.lstm_head.bias_ih_l0_reverse",
    "prompt_encoder.lstm_head.bias_hh_l0_reverse",
    "prompt_encoder.lstm_head.weight_ih_l1",
    "prompt_encoder.lstm_head.weight_hh_l1",
    "prompt_encoder.lstm_head.bias_ih_l1",
    "prompt_encoder.lstm_head.bias_hh_l1",
    "prompt_encoder.lstm_head.weight_ih_l1_reverse",
    "prompt_encoder.lstm_head.weight_hh_l1_reverse",
    "prompt_encoder.lstm_head.bias_ih_l1_reverse",
    "prompt_encoder.lstm_head.bias_hh_l1_reverse",
    "prompt_encoder.transform.0.weight",
    "prompt_encoder.transform.0.bias",
    "prompt_encoder.transform.2.weight",
    "prompt_encoder.transform.2.bias",
    "residual_prompt.0.weight",
    "residual_prompt.0.bias",
    "residual_prompt.2.weight",
    "residual_prompt.2.bias",
    "residual_prompt.norm.weight",
    "residual_prompt.norm.bias",
    "vera_A",
    "vera_B",
];

/// Splits a key into what it belongs to and which tensor it is.
///
/// # Errors
/// [`Kind::Unsupported`] for keys of no known method.
fn resolve(key: &str) -> Result<(Target, String)> {
    let unknown =
        || Error::new(Kind::Unsupported, format!("tensor `{key}`"), "a key of a PEFT method", "another");
    let part = PARTS
        .iter()
        .find(|part| key.strip_suffix(**part).is_some_and(|path| path.is_empty() || path.ends_with('.')));
    let part = (*part.ok_or_else(unknown)?).to_owned();
    let path = key.strip_suffix(&part).unwrap_or_default();
    let Some(module) = path.strip_prefix(PREFIX) else {
        let whole = matches!(path, "" | "base_model.");
        return if whole { Ok((Target::Model, key.to_owned())) } else { Err(unknown()) };
    };
    let module = module.trim_end_matches('.');
    Ok((Place::from_hf(module).map_or_else(|| Target::Module(module.to_owned()), Target::Projection), part))
}

impl PeftAdapter {
    /// Reads `adapter_model.safetensors` and the `adapter_config.json` beside it; without one, a single file must
    /// carry it in its metadata.
    ///
    /// # Errors
    /// Those of [`Safetensors::open`] and [`AdapterConfig::from_json`]; [`Kind::Missing`] for no config;
    /// [`Kind::Unsupported`] for unknown keys; [`Kind::Value`] for weights that are not finite.
    pub fn read<R: Read + Seek>(weights: Source<R>, config: Option<&[u8]>) -> Result<Self> {
        let mut file = Safetensors::open(weights)?;
        let name = file.name().to_owned();
        let embedded = file.metadata(CONFIG_KEY).map(|text| text.as_bytes().to_vec());
        let json = config.map(<[u8]>::to_vec).or(embedded).ok_or_else(|| {
            Error::new(Kind::Missing, "adapter_config.json", "beside the file or in its metadata", "neither")
                .in_file(&name)
        })?;
        let at = if config.is_some() { "adapter_config.json" } else { name.as_str() };
        let config = AdapterConfig::from_json(&json).map_err(|e| e.in_file(at))?;
        let tensors = read_tensors(&mut file).map_err(|e| e.in_file(&name))?;
        let base = BaseIdentity::from_metadata(|key| file.metadata(key).map(str::to_owned));
        Ok(Self { config, tensors, base })
    }

    /// Writes the safetensors file; it carries the config too, so it also stands alone.
    ///
    /// # Errors
    /// Those of [`crate::safetensors::write`].
    pub fn write_weights<W: Write>(&self, out: W) -> Result<()> {
        let mut metadata =
            vec![("format".to_owned(), "pt".to_owned()), (CONFIG_KEY.to_owned(), self.config.to_json())];
        metadata.extend(self.base.iter().flat_map(BaseIdentity::to_metadata));
        let entries: Vec<Entry> =
            self.tensors.iter().map(|t| Entry::f32(t.key(), &t.shape, &t.values)).collect();
        write(out, &metadata, &entries)
    }
}

fn read_tensors<R: Read + Seek>(file: &mut Safetensors<R>) -> Result<Vec<AdapterTensor>> {
    let table = file.tensors().to_vec();
    if table.is_empty() {
        return Err(Error::new(Kind::Missing, "tensors", "an adapter's weights", "none"));
    }
    let mut tensors = Vec::with_capacity(table.len());
    // A resized base is told by the shapes of what was trained.
    for info in table.into_iter().filter(|info| !info.name.ends_with(COPY)) {
        let values = file.read_f32(&info)?;
        tensors.push(AdapterTensor::new(&info.name, info.shape, values)?);
    }
    Ok(tensors)
}
