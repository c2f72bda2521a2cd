//! Pairs that something else was made of, as one plain LoRA.

use super::config::{AdapterConfig, Scale};
use super::lora::{LoraAdapter, LoraPair};
use super::module::Module;

impl LoraAdapter {
    /// A LoRA of `B·A` for a model of so many layers; pairs of a lower rank are filled up with zeros to the largest.
    pub fn plain(base: &str, layers: u64, mut pairs: Vec<LoraPair>) -> Self {
        let rank = pairs.iter().map(|pair| pair.scale.rank).max().unwrap_or(1);
        let scale = Scale { rank, alpha: rank as f64, by_root: false };
        pairs.sort_by_key(|pair| pair.module);
        for pair in &mut pairs {
            fill(pair, scale);
        }
        let targets = targets(&pairs, layers);
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        Self { config: AdapterConfig::lora(base, &targets, scale, 0.0), pairs, base: None }
    }
}

/// Rows of zeros for A, columns of zeros for B.
fn fill(pair: &mut LoraPair, scale: Scale) {
    let (old, rank) = (pair.scale.rank as usize, scale.rank as usize);
    pair.a.resize(rank * pair.inputs as usize, 0.0);
    let zeros = || std::iter::repeat_n(0.0, rank - old);
    pair.b = pair.b.chunks(old.max(1)).flat_map(|row| row.iter().copied().chain(zeros())).collect();
    pair.scale = scale;
}

/// Short names where all layers have a pair, whole paths where some have none: PEFT would begin pairs of its own there.
fn targets(pairs: &[LoraPair], layers: u64) -> Vec<String> {
    let everywhere = |module: Module| {
        let same = pairs.iter().filter(|pair| pair.module.name() == module.name()).count() as u64;
        same == layers || !matches!(module, Module::Projection(_))
    };
    let name = |pair: &LoraPair| {
        if everywhere(pair.module) { pair.module.name().to_owned() } else { pair.module.hf() }
    };
    let mut names: Vec<String> = pairs.iter().map(name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{Place, Projection};

    fn pair(layer: u32, projection: Projection, rank: u64) -> LoraPair {
        let count = |len: u64| (0..len).map(|at| at as f32).collect();
        LoraPair {
            module: Module::Projection(Place { layer, projection }),
            scale: Scale { rank, alpha: 7.0, by_root: true },
            inputs: 3,
            outputs: 2,
            a: count(rank * 3),
            b: count(2 * rank),
            magnitude: None,
        }
    }

    #[test]
    fn lower_ranks_are_filled_up_and_what_some_layers_lack_is_named_whole() {
        let pairs = vec![pair(1, Projection::Q, 1), pair(0, Projection::V, 1), pair(0, Projection::Q, 2)];
        let lora = LoraAdapter::plain("base", 2, pairs);
        assert_eq!(lora.config.targets, ["model.layers.0.self_attn.v_proj", "q_proj"]);
        assert_eq!(lora.pairs[2].a, [0.0, 1.0, 2.0, 0.0, 0.0, 0.0]);
        assert_eq!(lora.pairs[2].b, [0.0, 0.0, 1.0, 0.0]);
        assert_eq!(lora.pairs[0].b, [0.0, 1.0, 2.0, 3.0]);
        assert!(lora.pairs.iter().all(|pair| (pair.scale.factor() - 1.0).abs() < f64::EPSILON));
        assert_eq!(LoraAdapter::from_peft(lora.to_peft()).unwrap(), lora, "config and tensors agree");
    }
}
