//! SmolLM 3: Llama without positions in every fourth layer (NoPE, arXiv 2501.18795).

use super::Architecture;
use crate::description::Description;
use serde_json::Value;

/// One layer of so many has no positions, where a file does not say.
const INTERVAL: u64 = 4;

pub(super) const ARCHITECTURE: Architecture = Architecture {
    name: "smollm3",
    models: "SmolLM3",
    configure: |description, config| {
        config.permuted_qk = matches!(description, Description::Gguf(_));
        let stated = description.list("no_rope_layers")?;
        let interval = description.integer("", "no_rope_layer_interval")?.unwrap_or(INTERVAL).max(1) as usize;
        for (index, layer) in config.layers.iter_mut().enumerate() {
            let turns = match &stated {
                // Despite its name the list holds 1 where there are positions.
                Some(list) => list.get(index).and_then(Value::as_u64) != Some(0),
                None => !(index + 1).is_multiple_of(interval),
            };
            if !turns {
                layer.rope = None;
            }
        }
        let turning: Vec<bool> = config.layers.iter().map(|layer| layer.rope.is_some()).collect();
        config.slide(description, |layer| !turning[layer])
    },
};
