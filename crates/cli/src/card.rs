//! A LoRA that other adapters were made into: its folder, and the README that says how near it is to them.

use crate::output::{answer, tell};
use crate::{adapter, export};
use anyhow::{Result, bail};
use smolder_formats::adapter::Module;
use smolder_formats::error::printable;
use smolder_models::{Approximation, Distance};
use std::path::Path;

/// A share of a change whose loss should be known.
const MUCH: f64 = 0.1;

/// The text about it in the folder.
const README: &str = "README.md";

/// Refuses a folder whose files would be replaced.
pub fn free(folder: &Path) -> Result<()> {
    let files = [adapter::WEIGHTS, adapter::CONFIG, README].map(|name| folder.join(name));
    match files.iter().find(|file| file.exists()) {
        Some(file) => bail!("{} is there already: name another folder with --out", file.display()),
        None => Ok(()),
    }
}

/// Writes the folder, and says how near the LoRA is; `made` tells in a sentence what of and how.
pub fn write(made: &str, approximation: &Approximation, folder: &Path) -> Result<()> {
    export::peft(&approximation.lora.to_peft(), folder)?;
    export::text(&folder.join(README), &text(made, approximation))?;
    let rank = approximation.lora.pairs.first().map_or(0, |pair| pair.scale.rank);
    let near = nearness(approximation).map_or(String::new(), |near| format!("; {near}"));
    answer(&format!("{}: a LoRA of rank {rank}{near}", folder.display()))?;
    if approximation.total().relative() > MUCH {
        tell!("Careful: much of the change is lost. A higher --rank keeps more of it.");
    }
    Ok(())
}

/// How far it is from what it stands for, in all and at worst; nothing where it is exact by its making.
fn nearness(approximation: &Approximation) -> Option<String> {
    let (module, worst) = approximation.worst()?;
    let (total, worst) = (relative(approximation.total()), relative(worst));
    Some(format!("relative error {total} in all, {worst} at worst ({})", module.hf()))
}

fn relative(distance: Distance) -> String {
    let share = distance.relative();
    if share == 0.0 || share >= 1e-3 { format!("{share:.4}") } else { format!("{share:.0e}") }
}

/// The card as Markdown, with the metadata that the hub reads.
fn text(made: &str, approximation: &Approximation) -> String {
    let lora = &approximation.lora;
    let stated = lora.config.raw.get("base_model_name_or_path").and_then(serde_json::Value::as_str);
    let base = lora.base.as_ref().map_or(stated.unwrap_or_default(), |base| base.name.as_str());
    // PEFT's adapters need not say.
    let [metadata, title] = match base {
        "" => [String::new(), String::new()],
        base => {
            [format!("base_model: {}\n", serde_json::Value::from(base)), format!(" for {}", printable(base))]
        }
    };
    let errors = errors(approximation);
    format!(
        "---\nlibrary_name: peft\n{metadata}tags:\n- smolder\n- lora\n---\n\n# A LoRA{title}\n\n\
        {made} PEFT loads this folder; so does `smolder generate --adapter`.\n{errors}"
    )
}

/// ‖ΔW − B·A‖ / ‖ΔW‖ of all weights together, at worst, and of each.
fn errors(approximation: &Approximation) -> String {
    let Some(near) = nearness(approximation) else { return String::new() };
    let row =
        |(module, distance): &(Module, Distance)| format!("| {} | {} |\n", module.hf(), relative(*distance));
    let rows: String = approximation.distances.iter().map(row).collect();
    format!(
        "\n## How near it is\n\nFor each weight, ‖ΔW − B·A‖ / ‖ΔW‖ in Frobenius norms: {near}.\n\n\
        | weight | relative error |\n|---|---|\n{rows}"
    )
}
