//! A LoRA as mlx-lm reads it: `adapters.safetensors`, and `adapter_config.json` beside it.
//!
//! Its layer computes `y + scale·(x·lora_a)·lora_b` with `lora_a` `[in, r]` and `lora_b` `[r, out]`: PEFT's matrices
//! transposed. An embedding's are `[vocabulary, r]` and `[r, width]`, transposed likewise. One rank, one scale and one list of modules hold for all layers; a module without tensors in the file
//! keeps a `lora_b` of zeros.

use std::collections::BTreeSet;
use std::io::Write;

use serde_json::json;

use super::lora::{LoraAdapter, LoraPair};
use crate::error::{Error, Kind, Result};
use crate::safetensors::{Entry, write};

/// Writes the tensors and returns the config's text. Smaller ranks are filled up with zeros, and scales that differ
/// from pair to pair are folded into B.
///
/// # Errors
/// [`Kind::Unsupported`] for `DoRA` magnitudes; [`Kind::Missing`] for a LoRA without pairs; those of
/// [`crate::safetensors::write`].
pub fn write_mlx<W: Write>(adapter: &LoraAdapter, out: W) -> Result<String> {
    if let Some(pair) = adapter.pairs.iter().find(|pair| pair.magnitude.is_some()) {
        return Err(Error::new(Kind::Unsupported, pair.module.hf(), "a plain LoRA", "DoRA magnitudes"));
    }
    let first = adapter.pairs.iter().map(|pair| pair.scale.factor()).find(|factor| *factor != 0.0);
    let scale = first.unwrap_or(1.0);
    let rank = adapter.pairs.iter().map(|pair| pair.scale.rank).max();
    let rank = rank.ok_or_else(|| Error::new(Kind::Missing, "adapter", "a pair of matrices", "none"))?;
    let entries: Vec<Entry> = adapter.pairs.iter().flat_map(|pair| entries(pair, rank, scale)).collect();
    write(out, &[("format".into(), "mlx".into())], &entries)?;
    let keys: BTreeSet<&str> = adapter.pairs.iter().map(|pair| pair.module.path()).collect();
    let dropout = adapter.config.raw.get("lora_dropout").and_then(serde_json::Value::as_f64).unwrap_or(0.0);
    let config = json!({
        "fine_tune_type": "lora",
        // All layers.
        "num_layers": -1,
        "lora_parameters": { "rank": rank, "scale": scale, "dropout": dropout, "keys": keys },
    });
    Ok(format!("{config:#}\n"))
}

fn entries(pair: &LoraPair, rank: u64, scale: f64) -> [Entry; 2] {
    let LoraPair { inputs, outputs, a, b, .. } = pair;
    let own = pair.scale.rank as usize;
    let fold = (pair.scale.factor() / scale) as f32;
    let rows = 0..rank as usize;
    let at = |values: &[f32], index: usize| values.get(index).copied().unwrap_or_default();
    let a_at = |input: usize, k: usize| if k < own { at(a, k * *inputs as usize + input) } else { 0.0 };
    let b_at = |k: usize, output: usize| if k < own { at(b, output * own + k) * fold } else { 0.0 };
    let a: Vec<f32> = (0..*inputs as usize)
        .flat_map(|input| rows.clone().map(move |k| (input, k)))
        .map(|(i, k)| a_at(i, k))
        .collect();
    let b: Vec<f32> = rows
        .flat_map(|k| (0..*outputs as usize).map(move |output| (k, output)))
        .map(|(k, o)| b_at(k, o))
        .collect();
    let name = |part: &str| format!("{}.{part}", pair.module.hf());
    [Entry::f32(name("lora_a"), &[*inputs, rank], &a), Entry::f32(name("lora_b"), &[rank, *outputs], &b)]
}
