//! `W' = W + s·B·A`

use crate::peft::Merge;
use smolder_formats::adapter::{LoraAdapter, LoraPair, PeftAdapter};
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use std::collections::BTreeMap;

/// A LoRA's pairs, checked against the model.
pub(crate) fn merge(file: &PeftAdapter, sizes: &ModelConfig) -> Result<Box<dyn Merge>> {
    let lora = LoraAdapter::from_peft(file.clone())?;
    lora.check_shapes(|place| sizes.weight(place))?;
    if let Some(pair) = lora.pairs.iter().find(|pair| pair.magnitude.is_some()) {
        return Err(Error::new(Kind::Unsupported, pair.place.hf(), "a plain LoRA", "DoRA magnitudes"));
    }
    Ok(Box::new(Pairs(lora.pairs.into_iter().map(|pair| (pair.place, pair)).collect())))
}

struct Pairs(BTreeMap<Place, LoraPair>);

impl Merge for Pairs {
    fn changes(&self, place: Place) -> bool {
        self.0.contains_key(&place)
    }

    fn change(&self, place: Place, row: usize, weights: &mut [f32]) {
        let Some(LoraPair { scale, a, b, .. }) = self.0.get(&place) else { return };
        let (rank, factor) = (scale.rank as usize, scale.factor() as f32);
        let b = b.get(row * rank..(row + 1) * rank).unwrap_or_default();
        for (b, a) in b.iter().zip(a.chunks(weights.len().max(1))) {
            let share = factor * b;
            weights.iter_mut().zip(a).for_each(|(weight, a)| *weight += share * a);
        }
    }
}
