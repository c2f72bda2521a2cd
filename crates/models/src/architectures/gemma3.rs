//! Gemma 3, text (arXiv 2503.19786): scaled embeddings, norms before and behind each half of a block, five layers with a
//! sliding window for each that sees everything.

use super::Architecture;
use crate::config::{Config, scaling, slides};
use crate::description::Description;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::{Gate, Scaling};

/// One layer of so many sees everything, where a file does not say.
const PATTERN: u64 = 6;
/// The base of the frequencies in layers with a window, where a file does not say.
const LOCAL_BASE: f64 = 10_000.0;
/// What transformers' config class has where a `config.json` does not say.
const SCALAR: f64 = 256.0;
const WINDOW: usize = 4096;
/// Layers of the 27B model, whose queries are scaled by the width of a head among all; its GGUF does not say so, llama.cpp
/// goes by the layers.
const LAYERS_27B: u64 = 62;

pub(super) const ARCHITECTURE: Architecture =
    Architecture { name: "gemma3", models: "Gemma 3 (text)", configure };

fn configure(description: Description, config: &mut Config) -> Result<()> {
    config.activation = Gate::GeluTanh;
    config.qk_norm = true;
    config.post_norms = true;
    config.embedding_scale = Some((config.sizes.width as f32).sqrt());
    config.norm_stored_less = 1.0;
    let scalar = description.number("", "query_pre_attn_scalar")?;
    let sizes = &config.sizes;
    let unsaid = match description {
        Description::Json(_) => SCALAR,
        Description::Gguf(_) if sizes.layers == LAYERS_27B => sizes.width as f64 / sizes.heads as f64,
        Description::Gguf(_) => sizes.head_dim as f64,
    };
    config.attention_scale = scalar.unwrap_or(unsaid).sqrt().recip() as f32;
    let cap = |gguf, json| Ok(description.number(gguf, json)?.map(|cap| cap as f32));
    // transformers and llama.cpp compute Gemma 3 without it, whatever its files say.
    if let Some(cap) = cap("attn_logit_softcapping", "attn_logit_softcapping")? {
        let field = description.field("attn_logit_softcapping", "attn_logit_softcapping");
        return Err(Error::new(Kind::Unsupported, field, "none in Gemma 3", cap));
    }
    config.logit_cap = cap("final_logit_softcapping", "final_logit_softcapping")?;
    ropes(description, config)
}

fn ropes(description: Description, config: &mut Config) -> Result<()> {
    let (local, global) = ("rope_parameters.sliding_attention", "rope_parameters.full_attention");
    let number = |gguf: &str, json: &str| description.number(gguf, json);
    let local_base = number("rope.freq_base_swa", "rope_local_base_freq")?
        .or(number("", &format!("{local}.rope_theta"))?)
        .unwrap_or(LOCAL_BASE);
    let default = if matches!(description, Description::Json(_)) { 1e6 } else { config.sizes.rope_base };
    let global_base = number("rope.freq_base", "rope_theta")?
        .or(number("", &format!("{global}.rope_theta"))?)
        .unwrap_or(default);
    let new_style = number("", &format!("{global}.rope_theta"))?.is_some();
    let stretched = scaling(description, if new_style { global } else { "rope_scaling" })?;
    let window = match description {
        Description::Json(json) if json.get("sliding_window").is_none() => Some(WINDOW),
        _ => description.window()?,
    };
    let sees_all = full_layers(description, config.layers.len())?;
    for (layer, full) in config.layers.iter_mut().zip(sees_all) {
        layer.window = window.filter(|_| !full);
        if let Some(rope) = &mut layer.rope {
            rope.base = if full { global_base } else { local_base } as f32;
            rope.scaling = if full { stretched.clone() } else { Scaling::None };
        }
    }
    Ok(())
}

/// For each layer whether it sees everything.
fn full_layers(description: Description, layers: usize) -> Result<Vec<bool>> {
    if let Some(types) = description.list("layer_types")? {
        return (0..layers).map(|layer| Ok(!slides(types.get(layer))?)).collect();
    }
    let pattern = description
        .integer("attention.sliding_window_pattern", "sliding_window_pattern")
        .ok()
        .flatten()
        .unwrap_or(PATTERN)
        .max(1) as usize;
    Ok((0..layers).map(|layer| (layer + 1).is_multiple_of(pattern)).collect())
}
