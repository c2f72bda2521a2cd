//! LoRA: `y = W·x + s·B·(A·x)` with A `[rank, in]`, B `[out, rank]` (Hu et al. 2021, arXiv 2106.09685).

use super::Adapter;
use crate::model::Model;
use smolder_formats::adapter::{LoraAdapter, LoraPair};
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::{Device, Tensor, TensorData};
use std::collections::HashMap;

/// A LoRA on a device.
#[derive(Debug)]
pub struct Lora {
    pairs: HashMap<Place, Pair>,
}

#[derive(Debug)]
struct Pair {
    /// `[rank, in]`
    a: Tensor<2>,
    /// `[out, rank]`
    b: Tensor<2>,
    scale: f32,
}

impl Lora {
    /// Puts an adapter file's pairs on the model's device.
    ///
    /// # Errors
    /// [`Kind::Shape`] or [`Kind::Missing`] where a pair does not fit the model; [`Kind::Unsupported`] for `DoRA`.
    pub fn new(file: &LoraAdapter, model: &Model) -> Result<Self> {
        file.check_shapes(|place| model.config().sizes.weight(place))?;
        if let Some(pair) = file.pairs.iter().find(|pair| pair.magnitude.is_some()) {
            return Err(Error::new(Kind::Unsupported, pair.place.hf(), "a plain LoRA", "DoRA magnitudes"));
        }
        let pairs = file.pairs.iter().map(|pair| (pair.place, Pair::new(pair, model.device())));
        Ok(Self { pairs: pairs.collect() })
    }
}

impl Pair {
    fn new(pair: &LoraPair, device: &Device) -> Self {
        let rank = pair.scale.rank as usize;
        let tensor =
            |values: &[f32], shape| Tensor::from_data(TensorData::new(values.to_vec(), shape), device);
        Self {
            a: tensor(&pair.a, [rank, pair.inputs as usize]),
            b: tensor(&pair.b, [pair.outputs as usize, rank]),
            scale: pair.scale.factor() as f32,
        }
    }
}

impl Adapter for Lora {
    fn linear(&self, place: Place, x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        match self.pairs.get(&place) {
            Some(pair) => {
                y + x.matmul(pair.a.clone().transpose()).matmul(pair.b.clone().transpose()) * pair.scale
            }
            None => y,
        }
    }
}
