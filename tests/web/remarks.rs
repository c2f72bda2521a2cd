//! What the page says of an adapter that came in and is not all that it seems.

use crate::adapters::bring;
use crate::browser::{Browser, PATIENCE};
use crate::flow::take_tiny_model;
use crate::look::expect_fit_everywhere;
use crate::native::folder;
use fantoccini::Locator;
use serde_json::{Value, json};
use std::path::Path;

const IDLE: &str = "The adapter changes nothing: what it adds is exactly zero.";
const UNKNOWN: &str =
    "The adapter’s settings say what means nothing here, and is passed over: use_newest_trick";

#[tokio::test]
async fn an_adapter_that_is_idle_or_says_more_than_is_known_is_remarked_on() {
    let folder = folder("remarks");
    let browser = Browser::start().await;
    take_tiny_model(&browser).await;
    for (name, b, more, remarks) in [
        ("idle", 0.0, None, &[IDLE][..]),
        ("plain", 0.5, None, &[]),
        ("newest", 0.5, Some("use_newest_trick"), &[UNKNOWN]),
        ("both", 0.0, Some("use_newest_trick"), &[UNKNOWN, IDLE]),
    ] {
        let path = folder.join(name).with_extension("safetensors");
        write_adapter(&path, b, more);
        bring(&browser, &path).await;
        let here = format!("//*[contains(@class, 'stored')]//li[contains(., '{name}.safetensors')]");
        let shown = browser.client.wait().at_most(PATIENCE).for_element(Locator::XPath(&here)).await;
        shown.unwrap_or_else(|error| panic!("{name} does not come in: {error}"));
        assert_eq!(browser.texts("#adapter-remarks p").await, remarks, "{name}");
    }
    expect_fit_everywhere(&browser, "runs-remarks").await;
    browser.close().await;
    let _ = std::fs::remove_dir_all(folder);
}

/// A LoRA of rank 1 for a query projection of the tiny model, B the same everywhere, in one file with its config.
fn write_adapter(path: &Path, b: f32, more: Option<&str>) {
    const WIDTH: usize = 40;
    let mut config = json!({ "peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": ["q_proj"] });
    if let Some(key) = more {
        config[key] = Value::Bool(true);
    }
    let tensor = |shape: [usize; 2], start: usize| json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, start + 4 * WIDTH] });
    let name = |part: &str| format!("base_model.model.model.layers.0.self_attn.q_proj.lora_{part}.weight");
    let header = json!({
        "__metadata__": { "smolder.adapter_config": config.to_string() },
        name("A"): tensor([1, WIDTH], 0),
        name("B"): tensor([WIDTH, 1], 4 * WIDTH),
    });
    let header = header.to_string();
    let values = [[1.0; WIDTH], [b; WIDTH]];
    let payload = values.as_flattened().iter().flat_map(|value| value.to_le_bytes()).collect();
    let bytes = [(header.len() as u64).to_le_bytes().to_vec(), header.into_bytes(), payload].concat();
    std::fs::write(path, bytes).expect("the file is written");
}
