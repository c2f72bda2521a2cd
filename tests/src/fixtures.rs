//! The committed models and what transformers computes with them.

use serde_json::Value;
use smolder_formats::safetensors::Safetensors;
use smolder_formats::{Source, TensorSource};
use smolder_kernels::burn::tensor::Device;
use smolder_models::{Config, Model, Opened};
use std::io::Cursor;
use std::ops::ControlFlow;

/// A fixture in memory: a browser has no files.
pub type Bytes = Cursor<Vec<u8>>;

/// One entry of `manifest.json`.
pub struct Case {
    /// What the manifest calls it.
    pub name: String,
    entry: Value,
}

/// A prompt of `manifest.json`.
pub struct Prompt {
    /// The text.
    pub text: String,
    /// Its tokens.
    pub ids: Vec<u32>,
    /// The tokens that greedy decoding adds.
    pub greedy: Vec<u32>,
    /// Their text.
    pub greedy_text: String,
}

/// The contents of a file below `tests/fixtures/`.
#[cfg(not(target_family = "wasm"))]
fn read(path: &str) -> Option<Vec<u8>> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)).ok()
}

/// The contents of a file below `tests/fixtures/`: in a browser those of a model of each architecture.
#[cfg(target_family = "wasm")]
fn read(path: &str) -> Option<Vec<u8>> {
    macro_rules! files {
        ($($file:literal)+) => {
            [$(($file, include_bytes!(concat!("../fixtures/", $file)).as_slice())),+]
        };
    }
    let files = files![
        "models/manifest.json"
        "models/llama-llama3/q4_0.gguf" "models/llama-llama3/q4_0.logits.safetensors"
        "models/llama-k/k.gguf" "models/llama-k/k.logits.safetensors"
        "models/qwen2-tied/q5_0.gguf" "models/qwen2-tied/q5_0.logits.safetensors"
        "models/qwen3/q8_0.gguf" "models/qwen3/q8_0.logits.safetensors"
        "models/qwen3-yarn/bf16.gguf" "models/qwen3-yarn/hf.logits.safetensors"
        "models/gemma3-cap/f16.gguf" "models/gemma3-cap/hf.logits.safetensors"
        "models/smollm3/q4_1.gguf" "models/smollm3/q4_1.logits.safetensors"
        "models/phi3-partial/bf16.gguf" "models/phi3-partial/hf.logits.safetensors"
    ];
    files.iter().find(|(name, _)| *name == path).map(|(_, bytes)| bytes.to_vec())
}

/// The contents of a file below `tests/fixtures/`; fails the test where there is none.
pub fn bytes(path: &str) -> Vec<u8> {
    read(path).unwrap_or_else(|| panic!("no fixture {path}"))
}

/// The same, to read from.
pub fn source(path: &str) -> Source<Bytes> {
    Source::new(path, Cursor::new(bytes(path))).unwrap()
}

/// The cases whose files are there.
pub fn cases() -> Vec<Case> {
    let manifest: Value = serde_json::from_slice(&bytes("models/manifest.json")).unwrap();
    let case =
        |entry: &Value| Case { name: entry["name"].as_str().unwrap().to_owned(), entry: entry.clone() };
    let cases = manifest["cases"].as_array().unwrap().iter().map(case);
    let there = |case: &Case| match (case.path("gguf"), case.path("hf")) {
        (Some(gguf), _) => read(&gguf).is_some(),
        (_, folder) => folder.is_some_and(|folder| read(&format!("{folder}/config.json")).is_some()),
    };
    let cases: Vec<Case> = cases.filter(there).collect();
    assert!(cases.len() >= if cfg!(target_family = "wasm") { 8 } else { 25 });
    cases
}

impl Case {
    fn path(&self, key: &str) -> Option<String> {
        self.entry[key].as_str().map(|path| format!("models/{path}"))
    }

    /// The tokens whose logits are known.
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

    /// The text that greedy decoding goes on from, and what it adds: in a browser, whose renderer is slow, a part of it.
    pub fn prompt(&self) -> Prompt {
        let prompt = &self.entry["prompt"];
        let ids = |key: &str| serde_json::from_value::<Vec<u32>>(prompt[key].clone()).unwrap();
        let text = |key: &str| prompt[key].as_str().unwrap().to_owned();
        let (mut greedy, mut greedy_text) = (ids("greedy"), text("greedy_text"));
        assert_eq!(greedy.len(), 64);
        if cfg!(target_family = "wasm") {
            greedy.truncate(16);
            let start = self.open().tokenizer.decode(&greedy, false);
            assert!(greedy_text.starts_with(&start), "{start:?} does not begin {greedy_text:?}");
            greedy_text = start;
        }
        Prompt { text: text("text"), ids: ids("ids"), greedy, greedy_text }
    }

    /// The model and its tokenizer, weights unread.
    pub fn open(&self) -> Opened<Bytes> {
        match self.path("gguf") {
            Some(path) => open_gguf(&path),
            None => open_hf(&self.path("hf").unwrap()),
        }
    }

    /// The model with another configuration than its file's.
    pub async fn load_as(&self, config: Config, device: &Device) -> Model {
        Box::pin(load(self.open(), config, device)).await
    }

    /// The model on a device.
    pub async fn load(&self, device: &Device) -> Model {
        let opened = self.open();
        let config = opened.config.clone();
        Box::pin(load(opened, config, device)).await
    }
}

/// A GGUF below `tests/fixtures/`.
pub fn open_gguf(path: &str) -> Opened<Bytes> {
    Opened::gguf(path, &mut |_| Ok(Some(source(path)))).unwrap()
}

/// A folder in Hugging Face's layout below `tests/fixtures/`.
pub fn open_hf(folder: &str) -> Opened<Bytes> {
    let file = |name: &str| format!("{folder}/{name}");
    Opened::hf(&mut |name| Ok(read(&file(name)).map(|_| source(&file(name))))).unwrap()
}

/// Its weights on a device.
pub async fn load(mut opened: Opened<Bytes>, config: Config, device: &Device) -> Model {
    let go_on = &mut |_, _| ControlFlow::Continue(());
    Model::load(opened.weights.source(), config, device, go_on).await.unwrap()
}
