//! What an architecture makes of a model's description: everything that the forward pass must know.

mod scaling;

use crate::architectures;
use crate::description::Description;
use serde_json::Value;
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Projection;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::{Gate, MAX_HEAD_DIM, Scaling};

pub(crate) use scaling::scaling;

/// A rotary embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// The base of the frequencies.
    pub base: f32,
    /// Numbers of a head that turn, from its start.
    pub rotary: usize,
    /// How the frequencies are stretched.
    pub scaling: Scaling,
}

/// What differs from layer to layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerConfig {
    /// The rotary embedding; `None` for a layer without positions.
    pub rope: Option<Rope>,
    /// How many tokens back attention sees, its own included; `None` for all.
    pub window: Option<usize>,
}

/// A decoder-only transformer with pre-normalisation and gated feed-forward blocks.
#[allow(clippy::struct_excessive_bools, reason = "each says of a family whether it has something")]
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Sizes, epsilon, context.
    pub sizes: ModelConfig,
    /// The layers in order.
    pub layers: Vec<LayerConfig>,
    /// The feed-forward block's activation.
    pub activation: Gate,
    /// What the scores q·k are multiplied with.
    pub attention_scale: f32,
    /// Scores `s` become `c·tanh(s/c)`.
    pub attention_cap: Option<f32>,
    /// Logits `l` become `c·tanh(l/c)`.
    pub logit_cap: Option<f32>,
    /// What embeddings are multiplied with.
    pub embedding_scale: Option<f32>,
    /// Whether each head's queries and keys are normalised.
    pub qk_norm: bool,
    /// Whether attention's and the feed-forward block's results are normalised before they join the residual stream.
    pub post_norms: bool,
    /// Whether queries, keys and values have a bias.
    pub qkv_bias: bool,
    /// What Hugging Face's files, and adapters, leave out of norms' weights: 1 for Gemma. GGUF files hold them whole.
    pub norm_stored_less: f32,
    /// Whether rows of q and k lie in the order that neighbouring numbers pair in, as llama.cpp writes them.
    pub permuted_qk: bool,
}

impl Config {
    /// Whether a projection has a bias.
    pub(crate) fn has_bias(&self, projection: Projection) -> bool {
        self.qkv_bias && matches!(projection, Projection::Q | Projection::K | Projection::V)
    }

    /// Reads a model's description.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for an architecture, an activation or a RoPE scaling that is not known, and for heads that
    /// are too wide; those of [`Description`].
    pub fn read(description: Description) -> Result<Self> {
        let mut sizes = description.sizes()?;
        let architecture = architectures::find(&sizes.architecture)?;
        architecture.name.clone_into(&mut sizes.architecture);
        if sizes.head_dim > MAX_HEAD_DIM as u64 {
            let expected = format!("at most {MAX_HEAD_DIM}");
            return Err(Error::new(Kind::Unsupported, "head width", expected, sizes.head_dim));
        }
        let rope = rope(description, &sizes)?;
        let head_dim = sizes.head_dim as f32;
        let mut config = Self {
            layers: vec![LayerConfig { rope: Some(rope), window: None }; sizes.layers as usize],
            sizes,
            activation: Gate::Silu,
            attention_scale: head_dim.sqrt().recip(),
            attention_cap: None,
            logit_cap: None,
            embedding_scale: None,
            qk_norm: false,
            post_norms: false,
            qkv_bias: false,
            norm_stored_less: 0.0,
            permuted_qk: false,
        };
        (architecture.configure)(description, &mut config)?;
        supported(description, config.activation)?;
        Ok(config)
    }

    /// Gives layers their sliding window: those that `layer_types` names, else those that `usually` have one; none
    /// unless `use_sliding_window` is on.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for another kind of layer; those of [`Description`].
    pub(crate) fn slide(&mut self, description: Description, usually: impl Fn(usize) -> bool) -> Result<()> {
        let on = description.flag("use_sliding_window")?.unwrap_or(false);
        let window = if on { description.window()? } else { None };
        let types = description.list("layer_types")?;
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let slides = match &types {
                Some(types) => slides(types.get(index))?,
                None => usually(index),
            };
            layer.window = window.filter(|_| slides);
        }
        Ok(())
    }
}

/// Whether a kind of layer in `layer_types` has a window.
pub(crate) fn slides(kind: Option<&Value>) -> Result<bool> {
    match kind.and_then(Value::as_str) {
        Some("sliding_attention") => Ok(true),
        Some("full_attention") => Ok(false),
        _ => {
            let expected = "full_attention or sliding_attention for each layer";
            let found = kind.map_or_else(|| "none".to_owned(), Value::to_string);
            Err(Error::new(Kind::Unsupported, "`layer_types`", expected, found))
        }
    }
}

/// Refuses what a `config.json` may ask for and no layer here computes.
fn supported(description: Description, activation: Gate) -> Result<()> {
    let known = match activation {
        Gate::Silu => ["silu", "swish"],
        Gate::GeluTanh => ["gelu_pytorch_tanh", "gelu_new"],
    };
    let stated = description.string("", "hidden_activation")?.or(description.string("", "hidden_act")?);
    if let Some(other) = stated.filter(|name| !known.contains(&name.as_str())) {
        return Err(Error::new(Kind::Unsupported, "`hidden_act`", known[0], other));
    }
    if description.flag("use_bidirectional_attention")?.unwrap_or(false) {
        return Err(Error::new(Kind::Unsupported, "`use_bidirectional_attention`", "false", true));
    }
    Ok(())
}

/// The rotary embedding that all layers share unless the architecture says otherwise.
fn rope(description: Description, sizes: &ModelConfig) -> Result<Rope> {
    let stated = description.integer("rope.dimension_count", "")?;
    let share = description
        .number("", "partial_rotary_factor")?
        .or(description.number("", "rope_parameters.partial_rotary_factor")?);
    let head_dim = sizes.head_dim as usize;
    let rotary =
        stated.map_or(share.map_or(head_dim, |share| (share * head_dim as f64) as usize), |n| n as usize);
    if rotary < 2 || rotary > head_dim || !rotary.is_multiple_of(2) {
        let field = description.field("rope.dimension_count", "partial_rotary_factor");
        return Err(Error::new(Kind::Value, field, format!("an even number from 2 to {head_dim}"), rotary));
    }
    Ok(Rope {
        base: sizes.rope_base as f32,
        rotary,
        scaling: scaling(description, json_scaling(description)?)?,
    })
}

/// Where a `config.json` keeps its scaling: transformers 4 and 5 differ.
fn json_scaling(description: Description) -> Result<&'static str> {
    let old = ["rope_scaling.rope_type", "rope_scaling.type"];
    let has = |path: &&str| description.string("", path).map(|found| found.is_some());
    Ok(if has(&old[0])? || has(&old[1])? { "rope_scaling" } else { "rope_parameters" })
}
