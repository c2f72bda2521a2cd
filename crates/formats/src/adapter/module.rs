//! The weights that a LoRA can change.

use crate::model::ModelConfig;
use crate::names::Place;

/// A weight that a LoRA can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Module {
    /// The table of embeddings, where tokens are looked up; its use as a head is another matter.
    Embedding,
    /// A projection of a layer.
    Projection(Place),
    /// What makes logits, be it a matrix of its own or the table of embeddings.
    Head,
}

const EMBEDDING: [&str; 3] = ["embed_tokens", "model.embed_tokens", "token_embd"];
const HEAD: [&str; 3] = ["lm_head", "lm_head", "output"];

impl Module {
    /// `model.layers.3.self_attn.q_proj`
    pub fn hf(self) -> String {
        match self {
            Self::Embedding => EMBEDDING[1].to_owned(),
            Self::Projection(place) => place.hf(),
            Self::Head => HEAD[1].to_owned(),
        }
    }

    /// `blk.3.attn_q`
    pub fn gguf(self) -> String {
        match self {
            Self::Embedding => EMBEDDING[2].to_owned(),
            Self::Projection(place) => place.gguf(),
            Self::Head => HEAD[2].to_owned(),
        }
    }

    /// The name that stands for it in all layers: `q_proj`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedding => EMBEDDING[0],
            Self::Projection(place) => place.projection.name(),
            Self::Head => HEAD[0],
        }
    }

    /// Its path inside of its layer, or of the model: `self_attn.q_proj`.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Embedding => EMBEDDING[1],
            Self::Projection(place) => place.projection.module(),
            Self::Head => HEAD[1],
        }
    }

    /// The one outside of layers that has this short name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Embedding, Self::Head].into_iter().find(|one| one.name() == name)
    }

    /// The one that Hugging Face's module path names.
    pub fn from_hf(path: &str) -> Option<Self> {
        let outside = [Self::Embedding, Self::Head].into_iter().find(|one| one.path() == path);
        outside.or_else(|| Place::from_hf(path).map(Self::Projection))
    }

    /// The one that GGUF's tensor name, without `.weight`, names.
    pub fn from_gguf(architecture: &str, name: &str) -> Option<Self> {
        match name {
            name if name == EMBEDDING[2] => Some(Self::Embedding),
            name if name == HEAD[2] => Some(Self::Head),
            name => Place::from_gguf(architecture, name).map(Self::Projection),
        }
    }

    /// What PEFT calls its two matrices.
    pub const fn parts(self) -> [&'static str; 2] {
        match self {
            Self::Embedding => ["lora_embedding_A", "lora_embedding_B"],
            Self::Projection(_) | Self::Head => ["lora_A.weight", "lora_B.weight"],
        }
    }

    /// Rows of B and columns of A: `[out, in]` of a linear layer, `[width, vocabulary]` of the embedding; `None` where
    /// the model has no such weight.
    pub fn shape(self, sizes: &ModelConfig) -> Option<[u64; 2]> {
        match self {
            Self::Embedding => Some([sizes.width, sizes.vocabulary?]),
            Self::Projection(place) => sizes.weight(place),
            Self::Head => Some([sizes.vocabulary?, sizes.width]),
        }
    }
}
