//! Qwen 2 and 2.5: Llama with biases on queries, keys and values (arXiv 2407.10671).

use super::Architecture;

/// So many layers see everything, where a file does not say.
pub(super) const FULL_LAYERS: u64 = 28;

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "qwen2",
    models: "Qwen2, Qwen2.5",
    configure: |description, config| {
        config.qkv_bias = true;
        let first = description.integer("", "max_window_layers")?.unwrap_or(FULL_LAYERS) as usize;
        config.slide(description, |layer| layer >= first)
    },
};
