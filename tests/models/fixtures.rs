//! The committed models and what transformers computes with them.

use serde_json::Value;
use smolder_formats::gguf::SplitGguf;
use smolder_formats::safetensors::{HfModel, Safetensors};
use smolder_formats::{Source, TensorSource};
use smolder_kernels::burn::tensor::Device;
use smolder_models::{Config, Description, Model, Opened};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// One entry of `manifest.json`.
pub struct Case {
    pub name: String,
    entry: Value,
}

/// A prompt of `manifest.json`.
pub struct Prompt {
    pub text: String,
    pub ids: Vec<u32>,
    pub greedy: Vec<u32>,
    pub greedy_text: String,
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models")
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn source(path: &Path) -> Source<File> {
    Source::new(path.display().to_string(), File::open(path).unwrap()).unwrap()
}

pub fn cases() -> Vec<Case> {
    let manifest = json(&folder().join("manifest.json"));
    let case =
        |entry: &Value| Case { name: entry["name"].as_str().unwrap().to_owned(), entry: entry.clone() };
    manifest["cases"].as_array().unwrap().iter().map(case).collect()
}

impl Case {
    fn path(&self, key: &str) -> Option<PathBuf> {
        self.entry[key].as_str().map(|path| folder().join(path))
    }

    pub fn ids(&self) -> Vec<u32> {
        self.entry["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
    }

    /// The lengths of the two documents that `second_document` was made for.
    pub fn documents(&self) -> Option<[usize; 2]> {
        let lengths = self.entry["documents"].as_array()?;
        Some([lengths[0].as_u64().unwrap() as usize, lengths[1].as_u64().unwrap() as usize])
    }

    /// A tensor of the case's file of expected numbers.
    pub fn expected(&self, name: &str) -> Vec<f32> {
        let mut file = Safetensors::open(source(&self.path("logits").unwrap())).unwrap();
        let info = file.require(name).unwrap().clone();
        file.read_f32(&info).unwrap()
    }

    /// The text that greedy decoding goes on from, and what it adds.
    pub fn prompt(&self) -> Prompt {
        let prompt = &self.entry["prompt"];
        let ids = |key: &str| serde_json::from_value(prompt[key].clone()).unwrap();
        let text = |key: &str| prompt[key].as_str().unwrap().to_owned();
        Prompt {
            text: text("text"),
            ids: ids("ids"),
            greedy: ids("greedy"),
            greedy_text: text("greedy_text"),
        }
    }

    pub fn open(&self) -> Opened<File> {
        if let Some(path) = self.path("gguf") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            return Opened::gguf(&name, &mut |_| Ok(Some(source(&path)))).unwrap();
        }
        let folder = self.path("hf").unwrap();
        let mut find = |name: &str| {
            let path = folder.join(name);
            Ok(path.is_file().then(|| source(&path)))
        };
        Opened::hf(&mut find).unwrap()
    }

    /// The model with another configuration than its file's.
    pub fn load_as(&self, config: Config, device: &Device) -> Model {
        let mut weights = self.open().weights;
        Model::load(weights.source(), config, device, &mut |_, _| ControlFlow::Continue(())).unwrap()
    }

    pub fn load(&self, device: &Device) -> Model {
        match self.path("gguf") {
            Some(path) => load_gguf(&path, device),
            None => load_hf(&self.path("hf").unwrap(), device),
        }
    }
}

pub fn load_gguf(path: &Path, device: &Device) -> Model {
    let name = path.file_name().unwrap().to_string_lossy();
    let mut file = SplitGguf::open(&name, |_| Ok(source(path))).unwrap();
    let config = Config::read(Description::Gguf(file.metadata())).unwrap();
    Model::load(&mut file, config, device, &mut |_, _| ControlFlow::Continue(())).unwrap()
}

fn load_hf(folder: &Path, device: &Device) -> Model {
    let open = |name: &str| {
        let path = folder.join(name);
        Ok(path.is_file().then(|| source(&path)))
    };
    let mut file = HfModel::open(open).unwrap();
    let config = Config::read(Description::Json(&json(&folder.join("config.json")))).unwrap();
    Model::load(&mut file, config, device, &mut |_, _| ControlFlow::Continue(())).unwrap()
}
