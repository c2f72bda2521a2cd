//! A model of a hundred megabytes does not pass through the tab's memory as a whole.

use super::browser::{Collector, import, imported, remove};
use crate::session::{MODEL, converse, load, loaded, never};
use smolder_formats::Dtype;
use smolder_formats::gguf::{Gguf, GgufWriter, Metadata, TensorPlan, Value};
use smolder_tests::fixtures::source;
use smolder_tests::{TestDevice, on_every_device};
use smolder_trainer::OpfsFiles;
use wasm_bindgen::{JsCast, JsValue};

const MB: u64 = 1_000_000;
const WIDTH: u64 = 1024;
const FEED_FORWARD: u64 = 4096;
const LAYERS: u32 = 6;

/// Bytes of WebAssembly's memory, which never shrinks.
fn memory_bytes() -> u64 {
    let memory: js_sys::WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    memory.buffer().unchecked_into::<js_sys::ArrayBuffer>().byte_length().into()
}

/// The fixture's metadata with the sizes of a larger model.
fn metadata(tokens: &mut u64) -> Metadata {
    let header = Gguf::read(&mut source(MODEL)).unwrap();
    let mut metadata = header.metadata;
    let sizes = [
        ("embedding_length", WIDTH as u32),
        ("feed_forward_length", FEED_FORWARD as u32),
        ("block_count", LAYERS),
        ("attention.head_count", 16),
        ("attention.head_count_kv", 16),
        ("attention.key_length", 64),
        ("attention.value_length", 64),
        ("rope.dimension_count", 64),
    ];
    for (key, value) in sizes {
        metadata.set(format!("llama.{key}"), Value::U32(value));
    }
    let embedding = header.tensors.iter().find(|tensor| tensor.name == "token_embd.weight").unwrap();
    *tokens = embedding.shape[0];
    metadata
}

fn plan(tokens: u64) -> Vec<TensorPlan> {
    let tensor = |name: String, shape: Vec<u64>| {
        let dtype = if shape.len() == 1 { Dtype::F32 } else { Dtype::Q8_0 };
        TensorPlan { name, shape, dtype }
    };
    let mut plans = vec![tensor("token_embd.weight".into(), vec![tokens, WIDTH])];
    for layer in 0..LAYERS {
        let named = |name: &str| format!("blk.{layer}.{name}.weight");
        plans.extend(["attn_norm", "ffn_norm"].map(|name| tensor(named(name), vec![WIDTH])));
        plans.extend(
            ["attn_q", "attn_k", "attn_v", "attn_output"].map(|name| tensor(named(name), vec![WIDTH, WIDTH])),
        );
        plans.extend(["ffn_gate", "ffn_up"].map(|name| tensor(named(name), vec![FEED_FORWARD, WIDTH])));
        plans.push(tensor(named("ffn_down"), vec![WIDTH, FEED_FORWARD]));
    }
    plans.push(tensor("output_norm.weight".into(), vec![WIDTH]));
    plans
}

/// A file of zeros in the browser's own memory.
fn file() -> JsValue {
    let mut tokens = 0;
    let metadata = metadata(&mut tokens);
    let plans = plan(tokens);
    let zeros = vec![0; 1 << 20];
    let mut writer = GgufWriter::begin(Collector::default(), &metadata, plans.clone()).unwrap();
    for plan in plans {
        let elements = plan.shape.iter().product();
        let mut left = plan.dtype.bytes_for(elements).unwrap() as usize;
        while left > 0 {
            let take = left.min(zeros.len());
            writer.write_bytes(&zeros[..take]).unwrap();
            left -= take;
        }
    }
    writer.finish().unwrap().blob()
}

on_every_device!(a_large_model_is_streamed);

async fn a_large_model_is_streamed(device: &TestDevice) {
    let blob = file();
    let before = memory_bytes();
    let imported = imported(&import("large.gguf"), Some(blob)).await;
    assert!(imported.bytes > 100 * MB, "{imported:?}");
    assert!(memory_bytes() - before < 8 * MB, "importing took {} bytes", memory_bytes() - before);
    let events = converse(OpfsFiles, vec![load("large.gguf", device)], never).await;
    assert!(loaded(&events).bytes > 100 * MB);
    assert!(memory_bytes() < 200 * MB, "{} bytes", memory_bytes());
    remove("large.gguf").await;
}
