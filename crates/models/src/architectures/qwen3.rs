//! Qwen 3: Llama with normalised queries and keys (arXiv 2505.09388).

use super::Architecture;
use super::qwen2::slide;

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "qwen3",
    models: "Qwen3",
    configure: |description, config| {
        config.qk_norm = true;
        slide(description, config)
    },
};
