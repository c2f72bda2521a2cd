//! Qwen 3: Llama with normalised queries and keys (arXiv 2505.09388).

use super::Architecture;

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "qwen3",
    models: "Qwen3",
    configure: |_, config| {
        config.qk_norm = true;
        Ok(())
    },
};
