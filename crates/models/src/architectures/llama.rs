//! Llama: the plain decoder (Touvron et al. 2023, arXiv 2302.13971), with Llama 3's stretched RoPE.

use super::Architecture;
use crate::description::Description;

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "llama",
    models: "SmolLM2, TinyLlama, Llama 2 and 3",
    configure: |description, config| {
        config.permuted_qk = matches!(description, Description::Gguf(_));
        Ok(())
    },
};
