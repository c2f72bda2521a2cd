//! One name for each tensor in all files: GGUF's, Hugging Face's, and the projection that it is.

use std::fmt;

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
}

/// Projection, its short name, its module in Hugging Face's models, its tensor in GGUF.
const TABLE: [(Projection, &str, &str, &str); 7] = [
    (Projection::Q, "q_proj", "self_attn.q_proj", "attn_q"),
    (Projection::K, "k_proj", "self_attn.k_proj", "attn_k"),
    (Projection::V, "v_proj", "self_attn.v_proj", "attn_v"),
    (Projection::O, "o_proj", "self_attn.o_proj", "attn_output"),
    (Projection::Gate, "gate_proj", "mlp.gate_proj", "ffn_gate"),
    (Projection::Up, "up_proj", "mlp.up_proj", "ffn_up"),
    (Projection::Down, "down_proj", "mlp.down_proj", "ffn_down"),
];

impl Projection {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    /// The one with this short name.
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// `q_proj`, `gate_proj` …
    pub const fn name(self) -> &'static str {
        TABLE[self as usize].1
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
        format!("model.layers.{}.{}", self.layer, TABLE[self.projection as usize].2)
    }

    /// `blk.3.attn_q`
    pub fn gguf(self) -> String {
        format!("blk.{}.{}", self.layer, TABLE[self.projection as usize].3)
    }

    /// The place that Hugging Face's module path names.
    pub fn from_hf(path: &str) -> Option<Self> {
        let (layer, module) = path.strip_prefix("model.layers.")?.split_once('.')?;
        let projection = TABLE.iter().find(|row| row.2 == module)?.0;
        Some(Self { layer: number(layer)?, projection })
    }

    /// The place that GGUF's tensor name, without `.weight`, names.
    pub fn from_gguf(name: &str) -> Option<Self> {
        let (layer, tensor) = name.strip_prefix("blk.")?.split_once('.')?;
        let projection = TABLE.iter().find(|row| row.3 == tensor)?.0;
        Some(Self { layer: number(layer)?, projection })
    }
}

/// A number without sign or leading zeros: a name must have one spelling.
fn number(digits: &str) -> Option<u32> {
    let number = digits.parse().ok()?;
    (u32::to_string(&number) == digits).then_some(number)
}

/// Tensors outside of projections: Hugging Face's name and GGUF's; `{}` is the layer.
const OTHERS: [(&str, &str); 10] = [
    ("model.embed_tokens.weight", "token_embd.weight"),
    ("model.norm.weight", "output_norm.weight"),
    ("lm_head.weight", "output.weight"),
    ("model.layers.{}.input_layernorm.weight", "blk.{}.attn_norm.weight"),
    ("model.layers.{}.post_attention_layernorm.weight", "blk.{}.ffn_norm.weight"),
    ("model.layers.{}.self_attn.q_proj.bias", "blk.{}.attn_q.bias"),
    ("model.layers.{}.self_attn.k_proj.bias", "blk.{}.attn_k.bias"),
    ("model.layers.{}.self_attn.v_proj.bias", "blk.{}.attn_v.bias"),
    ("model.layers.{}.self_attn.q_norm.weight", "blk.{}.attn_q_norm.weight"),
    ("model.layers.{}.self_attn.k_norm.weight", "blk.{}.attn_k_norm.weight"),
];

/// GGUF's name for a tensor of a Hugging Face model with the layout of Llama.
pub fn to_gguf(hf: &str) -> Option<String> {
    if let Some(place) = hf.strip_suffix(".weight").and_then(Place::from_hf) {
        return Some(format!("{}.weight", place.gguf()));
    }
    OTHERS.iter().find_map(|(ours, theirs)| translate(hf, ours, theirs))
}

/// Hugging Face's name for a tensor of a GGUF model.
pub fn to_hf(gguf: &str) -> Option<String> {
    if let Some(place) = gguf.strip_suffix(".weight").and_then(Place::from_gguf) {
        return Some(format!("{}.weight", place.hf()));
    }
    OTHERS.iter().find_map(|(theirs, ours)| translate(gguf, ours, theirs))
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
