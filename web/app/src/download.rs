//! Files for the person, out of the tab's storage.

use crate::browser::{save, save_blob, stored_blob, stored_file};
use crate::zip::archive;
use smolder_protocol::storage::{EXPORTS, Export, ExportForm, ROOT, RUN_WEIGHTS, RUNS};
use wasm_bindgen::JsValue;

const CARD: &str = "README.md";
/// What a run leaves in its folder.
const FILES: [&str; 3] = [CARD, "adapter_config.json", RUN_WEIGHTS];
/// What mlx-lm calls the files of [`ExportForm::Mlx`].
const MLX: [&str; 2] = ["adapters.safetensors", "adapter_config.json"];

/// PEFT's folder of a run.
pub(crate) async fn peft(run: &str) -> Result<(), JsValue> {
    let mut files = Vec::new();
    for file in FILES {
        files.push((format!("{run}/{file}"), stored_file(&[ROOT, RUNS, run, file]).await?));
    }
    save(&format!("{run}.zip"), &archive(&files), "application/zip")
}

/// A run's weights, which carry their config.
pub(crate) async fn safetensors(run: &str) -> Result<(), JsValue> {
    let file = stored_blob(&[ROOT, RUNS, run, RUN_WEIGHTS]).await?;
    save_blob(&format!("{run}.safetensors"), &file)
}

/// A run's model card.
pub(crate) async fn card(run: &str) -> Result<(), JsValue> {
    save_blob(&format!("{run}.md"), &stored_blob(&[ROOT, RUNS, run, CARD]).await?)
}

/// What the worker wrote; a model goes from the disk to the disk.
pub(crate) async fn exported(export: &Export, files: &[String]) -> Result<(), JsValue> {
    if export.form != ExportForm::Mlx {
        for file in files {
            save_blob(file, &stored_blob(&[ROOT, EXPORTS, file]).await?)?;
        }
        return Ok(());
    }
    let folder = format!("{}-mlx", export.name);
    let mut archived = Vec::new();
    for (file, name) in files.iter().zip(MLX) {
        archived.push((format!("{folder}/{name}"), stored_file(&[ROOT, EXPORTS, file]).await?));
    }
    save(&format!("{folder}.zip"), &archive(&archived), "application/zip")
}
