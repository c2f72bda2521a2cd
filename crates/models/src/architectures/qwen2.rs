//! Qwen 2 and 2.5: Llama with biases on queries, keys and values (arXiv 2407.10671).

use super::Architecture;

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "qwen2",
    models: "Qwen2, Qwen2.5",
    configure: |description, config| {
        config.qkv_bias = true;
        if description.flag("use_sliding_window")?.unwrap_or(false) {
            let first = description.integer("", "max_window_layers")?.unwrap_or(0) as usize;
            let window = description.window()?;
            config.layers.iter_mut().skip(first).for_each(|layer| layer.window = window);
        }
        Ok(())
    },
};
