//! A tab's storage: what comes in, what is refused, and models that are loaded from it.

#[path = "opfs/browser.rs"]
mod browser;
#[path = "opfs/imports.rs"]
mod imports;
#[path = "opfs/memory.rs"]
mod memory;
#[path = "opfs/store.rs"]
mod store;

use crate::session::{MODEL, case, converse, generate, known, load, loaded, never, text};
use browser::{blob, import, imported, listed};
use smolder_protocol::ModelEvent;
use smolder_protocol::model::{Failure, Task};
use smolder_protocol::storage::{Shelf, StoredFile};
use smolder_tests::fixtures::bytes;
use smolder_tests::{TestDevice, on_every_device};
use smolder_trainer::OpfsFiles;

on_every_device!(
    an_imported_model_writes_as_transformers_does,
    a_damaged_model_is_refused_and_the_next_one_is_not
);

async fn an_imported_model_writes_as_transformers_does(device: &TestDevice) {
    let whole = bytes(MODEL);
    let name = if device.is_gpu() { "gpu.gguf" } else { "cpu.gguf" };
    imported(&import(name), Some(blob(&whole))).await;
    let (name_there, bytes) = (name.to_owned(), whole.len() as u64);
    let file = StoredFile { shelf: Shelf::Models, name: name_there, bytes, whole: true, base: None };
    assert!(listed().await.contains(&file));
    let commands = vec![load(name, device), generate(known(1))];
    let events = converse(OpfsFiles, commands, never).await;
    assert_eq!(text(&events, 1), case().prompt().greedy_text);
    assert!(loaded(&events).bytes < whole.len() as u64);
}

async fn a_damaged_model_is_refused_and_the_next_one_is_not(device: &TestDevice) {
    let whole = bytes(MODEL);
    imported(&import("damaged.gguf"), Some(blob(&whole[..whole.len() / 2]))).await;
    imported(&import("good.gguf"), Some(blob(&whole))).await;
    let commands = ["damaged.gguf", "missing.gguf", "good.gguf"].map(|name| load(name, device));
    let events = converse(OpfsFiles, commands.into(), never).await;
    let reasons: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            ModelEvent::Refused { task: Task::Load, failure: Failure::Input { reason }, .. } => {
                Some(&**reason)
            }
            _ => None,
        })
        .collect();
    assert_eq!(reasons.len(), 2, "{events:?}");
    assert!(reasons[0].starts_with("damaged.gguf: ") && reasons[0].contains("expected"), "{reasons:?}");
    assert_eq!(reasons[1], "missing.gguf: expected this file in the tab's storage, found none");
    assert_eq!(loaded(&events).model, "good.gguf");
}
