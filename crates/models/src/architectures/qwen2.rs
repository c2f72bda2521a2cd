//! Qwen 2 and 2.5: Llama with biases on queries, keys and values (arXiv 2407.10671).

use super::Architecture;
use crate::config::Config;
use crate::description::Description;
use smolder_formats::Result;

/// So many layers see everything, where a file does not say.
const FULL_LAYERS: u64 = 28;

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "qwen2",
    models: "Qwen2, Qwen2.5",
    configure: |description, config| {
        config.qkv_bias = true;
        slide(description, config)
    },
};

/// Windows behind the first `max_window_layers` layers.
pub(super) fn slide(description: Description, config: &mut Config) -> Result<()> {
    let first = description.integer("", "max_window_layers")?.unwrap_or(FULL_LAYERS) as usize;
    config.slide(description, |layer| layer >= first)
}
