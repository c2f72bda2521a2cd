//! `W' = W + s·B·A`, of the embedding `E' = E + s·(B·A)ᵀ`

use crate::config::Config;
use crate::peft::Merge;
use smolder_formats::adapter::{LoraAdapter, LoraPair, Module, PeftAdapter};
use smolder_formats::{Error, Kind, Result};
use std::collections::BTreeMap;

/// A LoRA's pairs, checked against the model.
pub(crate) fn merge(file: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
    let lora = LoraAdapter::from_peft(file.clone())?;
    lora.check_shapes(|module| module.shape(&config.sizes))?;
    if let Some(pair) = lora.pairs.iter().find(|pair| pair.magnitude.is_some()) {
        return Err(Error::new(Kind::Unsupported, pair.module.hf(), "a plain LoRA", "DoRA magnitudes"));
    }
    Ok(Box::new(Pairs(lora.pairs.into_iter().map(|pair| (pair.module, pair)).collect())))
}

struct Pairs(BTreeMap<Module, LoraPair>);

impl Merge for Pairs {
    fn changes(&self, module: Module) -> bool {
        self.0.contains_key(&module)
    }

    fn adds(&self) -> bool {
        true
    }

    fn change(&self, module: Module, row: usize, weights: &mut [f32]) {
        let Some(pair) = self.0.get(&module) else { return };
        match module {
            Module::Embedding => change_embedding(pair, row, weights),
            Module::Projection(_) | Module::Head => change_linear(pair, row, weights),
        }
    }
}

/// Adds row `row` of s·B·A.
pub(crate) fn change_linear(LoraPair { scale, a, b, .. }: &LoraPair, row: usize, weights: &mut [f32]) {
    let (rank, factor) = (scale.rank as usize, scale.factor() as f32);
    let b = b.get(row * rank..(row + 1) * rank).unwrap_or_default();
    for (b, a) in b.iter().zip(a.chunks(weights.len().max(1))) {
        let share = factor * b;
        weights.iter_mut().zip(a).for_each(|(weight, a)| *weight += share * a);
    }
}

/// B times column `row` of A.
fn change_embedding(LoraPair { scale, inputs, a, b, .. }: &LoraPair, row: usize, weights: &mut [f32]) {
    let factor = scale.factor() as f32;
    for (weight, b) in weights.iter_mut().zip(b.chunks(scale.rank as usize)) {
        let a = a.iter().skip(row).step_by(*inputs as usize);
        *weight += factor * a.zip(b).map(|(a, b)| a * b).sum::<f32>();
    }
}
