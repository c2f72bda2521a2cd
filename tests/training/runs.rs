//! The committed runs: a model, an adapter to start from, batches, and what PEFT computes.

use serde_json::Value;
use smolder_formats::TensorSource;
use smolder_formats::adapter::PeftAdapter;
use smolder_formats::safetensors::Safetensors;
use smolder_kernels::burn::tensor::Device;
use smolder_models::Model;
use smolder_models::peft::{Adapter, Method, Options};
use smolder_tests::fixtures::{self, bytes, open_gguf, source};
use smolder_trainer::data::Sequence;
use std::collections::HashMap;

/// One entry of `runs.json`.
pub struct Run {
    pub name: String,
    folder: &'static str,
    entry: Value,
}

pub fn json(path: &str) -> Value {
    serde_json::from_slice(&bytes(path)).unwrap()
}

/// Those of tiny models.
pub fn runs() -> Vec<Run> {
    runs_in("training/tiny")
}

/// Those of a folder, whose models and adapters may have to be made.
pub fn runs_in(folder: &'static str) -> Vec<Run> {
    let name = |entry: &Value| entry["name"].as_str().unwrap().to_owned();
    let run = |entry: &Value| Run { name: name(entry), folder, entry: entry.clone() };
    json(&format!("{folder}/runs.json")).as_array().unwrap().iter().map(run).collect()
}

impl Run {
    fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.folder)
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.entry[key].as_str()
    }

    pub fn number(&self, key: &str) -> f64 {
        self.entry[key].as_f64().unwrap()
    }

    pub fn numbers(&self, key: &str) -> Vec<f64> {
        self.entry[key].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    }

    pub async fn model(&self, device: &Device) -> Model {
        let opened = open_gguf(&format!("models/{}", self.text("model").unwrap()));
        let config = opened.config.clone();
        Box::pin(fixtures::load(opened, config, device)).await
    }

    /// The method that the run is of, by our name where that is another than the run's.
    pub fn method(&self, file: &PeftAdapter) -> &'static Method {
        Method::to_train(self.text("method").unwrap(), file).unwrap()
    }

    pub fn start(&self, model: &Model) -> Box<dyn Adapter> {
        let file = file(&self.path(self.text("adapter").unwrap()));
        self.method(&file).load(&file, model).unwrap()
    }

    /// What the learning rate of each parameter is multiplied with; a run without a file of its start has one rate.
    pub fn rates(&self, adapter: &dyn Adapter) -> Vec<f64> {
        let Some(start) = self.text("adapter") else { return vec![1.0; adapter.parameters().len()] };
        let method = self.method(&file(&self.path(start)));
        let given = self.entry.get("ratio").map(|ratio| ("ratio".to_owned(), ratio.clone()));
        let options = Options::new(method.options, &given.into_iter().collect()).unwrap();
        method.rates(&options, &adapter.parameters()).unwrap()
    }

    /// PEFT's adapter after the ten steps, ids, and the logits that PEFT computes with both.
    pub fn trained(&self) -> Option<(PeftAdapter, Vec<u32>, Vec<f32>)> {
        let folder = self.path(self.text("final")?);
        let ids = serde_json::from_value(self.entry["ids"].clone()).unwrap();
        Some((file(&folder), ids, tensors(&format!("{folder}/logits.safetensors")).remove("logits").unwrap()))
    }

    /// The adapter after the ten steps as PEFT converts it to a LoRA of the unchanged base.
    pub fn converted(&self) -> Option<PeftAdapter> {
        Some(file(&self.path(self.text("converted")?)))
    }

    /// The adapter after the ten steps as PEFT writes it, where that is less than was trained.
    pub fn written(&self) -> Option<PeftAdapter> {
        Some(file(&self.path(self.text("written")?)))
    }

    /// PEFT's adapter after the ten steps.
    pub fn end(&self) -> Option<HashMap<String, Vec<f32>>> {
        Some(tensors(&self.path(&format!("{}/adapter_model.safetensors", self.text("final")?))))
    }

    /// Gradients of the first batch, by the names of the adapter's tensors.
    pub fn gradients(&self) -> Option<HashMap<String, Vec<f32>>> {
        Some(tensors(&self.path(self.text("gradients")?)))
    }

    /// The batches; documents that share a row become sequences of their own.
    pub fn batches(&self) -> Vec<Vec<Sequence>> {
        let batches = json(&self.path("batches.json"))[self.text("batches").unwrap()].clone();
        batches.as_array().unwrap().iter().map(batch).collect()
    }
}

fn batch(rows: &Value) -> Vec<Sequence> {
    let numbers = |value: &Value| {
        value.as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as u32).collect::<Vec<u32>>()
    };
    let document = |document: &Value| Sequence {
        ids: numbers(&document["ids"]),
        mask: numbers(&document["mask"]).iter().map(|bit| *bit == 1).collect(),
    };
    rows.as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap().iter().map(document)).collect()
}

/// A PEFT directory below `tests/fixtures/`.
pub fn file(folder: &str) -> PeftAdapter {
    let config = bytes(&format!("{folder}/adapter_config.json"));
    let weights = source(&format!("{folder}/adapter_model.safetensors"));
    PeftAdapter::read(weights, Some(&config)).unwrap()
}

/// A file's tensors by name.
pub fn tensors(path: &str) -> HashMap<String, Vec<f32>> {
    let mut file = Safetensors::open(source(path)).unwrap();
    let table = file.tensors().to_vec();
    table.into_iter().map(|info| (info.name.clone(), file.read_f32(&info).unwrap())).collect()
}
