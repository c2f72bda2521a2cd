//! Qwen 3: Llama with normalised queries and keys (arXiv 2505.09388).

use super::Architecture;
use super::qwen2::FULL_LAYERS;

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "qwen3",
    models: "Qwen3",
    configure: |description, config| {
        config.qk_norm = true;
        let first = description.integer("", "max_window_layers")?.unwrap_or(FULL_LAYERS) as usize;
        config.slide(description, |layer| layer >= first)
    },
};
