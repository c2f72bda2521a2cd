//! One name for each tensor in all files: GGUF's, Hugging Face's, and the projection that it is.
//!
//! The names are those of the `gguf` package's tensor map. What GGUF alone has (`rope_freqs`, `rope_factors_long`)
//! has no name in Hugging Face's files.

use crate::error::{Error, Kind, Result};
use std::fmt;

/// The architectures whose tensors have names here, as GGUF calls them.
pub const ARCHITECTURES: [&str; 6] = ["llama", "qwen2", "qwen3", "gemma3", "smollm3", "phi3"];

/// GGUF's name for the architecture that a `config.json` calls `model_type`.
pub fn architecture(model_type: &str) -> &str {
    if model_type == "gemma3_text" { "gemma3" } else { model_type }
}

/// Checks that an architecture, by GGUF's name, is one of [`ARCHITECTURES`].
///
/// # Errors
/// [`Kind::Unsupported`] naming those that are.
pub fn known(architecture: &str) -> Result<()> {
    if ARCHITECTURES.contains(&architecture) {
        return Ok(());
    }
    let expected = format!("one of {}", ARCHITECTURES.join(", "));
    Err(Error::new(Kind::Unsupported, "architecture", expected, architecture))
}

/// A linear layer of a transformer block, by the name that Hugging Face gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Projection {
    /// Queries.
    Q,
    /// Keys.
    K,
    /// Values.
    V,
    /// Attention's output.
    O,
    /// The feed-forward gate.
    Gate,
    /// The feed-forward block's way in.
    Up,
    /// The feed-forward block's way out.
    Down,
    /// Queries, keys and values, one below the other.
    Qkv,
    /// Gate and way in, one below the other.
    GateUp,
}

/// Projection, its short name, its module in Hugging Face's models, its tensor in GGUF.
const TABLE: [(Projection, &str, &str, &str); 9] = [
    (Projection::Q, "q_proj", "self_attn.q_proj", "attn_q"),
    (Projection::K, "k_proj", "self_attn.k_proj", "attn_k"),
    (Projection::V, "v_proj", "self_attn.v_proj", "attn_v"),
    (Projection::O, "o_proj", "self_attn.o_proj", "attn_output"),
    (Projection::Gate, "gate_proj", "mlp.gate_proj", "ffn_gate"),
    (Projection::Up, "up_proj", "mlp.up_proj", "ffn_up"),
    (Projection::Down, "down_proj", "mlp.down_proj", "ffn_down"),
    (Projection::Qkv, "qkv_proj", "self_attn.qkv_proj", "attn_qkv"),
    (Projection::GateUp, "gate_up_proj", "mlp.gate_up_proj", "ffn_up"),
];

impl Projection {
    /// The linear layers in each block of an architecture.
    pub fn of(architecture: &str) -> &'static [Self] {
        match architecture {
            "phi3" => &[Self::Qkv, Self::O, Self::GateUp, Self::Down],
            _ => &[Self::Q, Self::K, Self::V, Self::O, Self::Gate, Self::Up, Self::Down],
        }
    }

    /// The one with this short name.
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// `q_proj`, `gate_proj` …
    pub const fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// `self_attn.q_proj`, `mlp.gate_proj` …
    pub const fn module(self) -> &'static str {
        TABLE[self as usize].2
    }

    /// `attn_q`, `ffn_gate` …
    pub const fn gguf(self) -> &'static str {
        TABLE[self as usize].3
    }
}

impl fmt::Display for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A projection in a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The layer, from 0.
    pub layer: u32,
    /// Which linear layer of it.
    pub projection: Projection,
}

impl Place {
    /// `model.layers.3.self_attn.q_proj`
    pub fn hf(self) -> String {
        format!("model.layers.{}.{}", self.layer, self.projection.module())
    }

    /// `blk.3.attn_q`
    pub fn gguf(self) -> String {
        format!("blk.{}.{}", self.layer, self.projection.gguf())
    }

    /// The place that Hugging Face's module path names.
    pub fn from_hf(path: &str) -> Option<Self> {
        let (layer, module) = path.strip_prefix("model.layers.")?.split_once('.')?;
        let projection = TABLE.iter().find(|row| row.2 == module)?.0;
        Some(Self { layer: number(layer)?, projection })
    }

    /// The place that GGUF's tensor name, without `.weight`, names: `ffn_up` is another layer in some architectures.
    pub fn from_gguf(architecture: &str, name: &str) -> Option<Self> {
        let (layer, tensor) = name.strip_prefix("blk.")?.split_once('.')?;
        let projection = *Projection::of(architecture).iter().find(|one| one.gguf() == tensor)?;
        Some(Self { layer: number(layer)?, projection })
    }
}

/// A number without sign or leading zeros: a name must have one spelling.
fn number(digits: &str) -> Option<u32> {
    let number = digits.parse().ok()?;
    (u32::to_string(&number) == digits).then_some(number)
}

/// Tensors outside of projections: Hugging Face's name and GGUF's; `{}` is the layer.
const OTHERS: [(&str, &str); 6] = [
    ("model.embed_tokens.weight", "token_embd.weight"),
    ("model.norm.weight", "output_norm.weight"),
    ("lm_head.weight", "output.weight"),
    ("model.layers.{}.input_layernorm.weight", "blk.{}.attn_norm.weight"),
    ("model.layers.{}.self_attn.q_norm.weight", "blk.{}.attn_q_norm.weight"),
    ("model.layers.{}.self_attn.k_norm.weight", "blk.{}.attn_k_norm.weight"),
];

/// The second norm of a block that has a norm before each half.
const TWO_NORMS: [(&str, &str); 1] =
    [("model.layers.{}.post_attention_layernorm.weight", "blk.{}.ffn_norm.weight")];

/// The later norms of a block that has one before and one behind each half: the same name means another norm.
const FOUR_NORMS: [(&str, &str); 3] = [
    ("model.layers.{}.post_attention_layernorm.weight", "blk.{}.post_attention_norm.weight"),
    ("model.layers.{}.pre_feedforward_layernorm.weight", "blk.{}.ffn_norm.weight"),
    ("model.layers.{}.post_feedforward_layernorm.weight", "blk.{}.post_ffw_norm.weight"),
];

fn others(architecture: &str) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let norms: &[_] = if architecture == "gemma3" { &FOUR_NORMS } else { &TWO_NORMS };
    OTHERS.iter().chain(norms)
}

/// GGUF's name for a tensor of a Hugging Face model of this architecture.
pub fn to_gguf(architecture: &str, hf: &str) -> Option<String> {
    let place = |path: &str| {
        let place = Place::from_hf(path)?;
        Projection::of(architecture).contains(&place.projection).then(|| place.gguf())
    };
    let other = || others(architecture).find_map(|(ours, theirs)| translate(hf, ours, theirs));
    weight_or_bias(hf, place).or_else(other)
}

/// Hugging Face's name for a tensor of a GGUF model of this architecture.
pub fn to_hf(architecture: &str, gguf: &str) -> Option<String> {
    let place = |name: &str| Place::from_gguf(architecture, name).map(Place::hf);
    let other = || others(architecture).find_map(|(theirs, ours)| translate(gguf, ours, theirs));
    weight_or_bias(gguf, place).or_else(other)
}

/// A projection's name translated without its ending, which both files share.
fn weight_or_bias(name: &str, place: impl Fn(&str) -> Option<String>) -> Option<String> {
    let translated = |end: &str| place(name.strip_suffix(end)?).map(|path| path + end);
    translated(".weight").or_else(|| translated(".bias"))
}

fn translate(name: &str, from: &str, to: &str) -> Option<String> {
    match from.split_once("{}") {
        None => (name == from).then(|| to.to_owned()),
        Some((start, end)) => {
            let layer = number(name.strip_prefix(start)?.strip_suffix(end)?)?;
            Some(to.replace("{}", &layer.to_string()))
        }
    }
}
