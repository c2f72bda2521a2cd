//! Phi 3 and 4 mini: Llama with fused projections and partly turning heads (arXiv 2404.14219). Contexts stretched by
//! `longrope` are refused.

use super::Architecture;

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "phi3",
    models: "Phi-3 and Phi-4 mini",
    configure: |description, config| {
        let window = description.window()?;
        config.layers.iter_mut().for_each(|layer| layer.window = window);
        Ok(())
    },
};
