//! `DoRA`: each row of W + s·B·A gets a trained length m (Liu et al. 2024, arXiv 2402.09353):
//! `y = c ⊙ (W·x + s·B·(A·x)) + b` with `c = m/‖W + s·B·A‖`, the norm of each row, through which no gradient flows.
//!
//! B·A is never made: `‖W + s·B·A‖² = ‖W‖² + 2s·⟨W, B·A⟩ + s²·‖B·A‖²` row by row, with
//! `⟨W, B·A⟩ = Σ_k B_k ⊙ (W·A_k)` and `‖B·A‖² = Σ_k B_k ⊙ (B·A·Aᵀ)_k`. Merged, a row is `c·(W + s·B·A)`.

use super::lora::{self, Pair};
use super::placed::Rows;
use super::{Adapter, Extras, Fresh, Merge, Method, Parameter, on_device, targets};
use crate::config::Config;
use crate::layers::Linear;
use crate::model::Model;
use crate::read::read;
use futures_util::FutureExt;
use serde_json::Value;
use smolder_formats::adapter::{AdapterTensor, LoraAdapter, LoraPair, Module, PeftAdapter};
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::{DType, Device, Int, Tensor, TensorData};
use smolder_kernels::{Matrix, lora};
use std::cell::OnceCell;
use std::collections::BTreeMap;

const MAGNITUDE: &str = "lora_magnitude_vector";
/// Numbers of a weight that are dequantized at a time for its rows' norms.
const CHUNK: usize = 1 << 22;

pub(super) const METHOD: Method = Method {
    name: "dora",
    about: "a LoRA that learns how long each row of a weight is apart from where it points",
    options: &[lora::RANK, lora::ALPHA, lora::RSLORA, targets::OPTION, lora::RANKS, lora::ALPHAS],
    // With B at rest a row may still have another length.
    rest: |_| None,
    fresh: |fresh| self::fresh(fresh).boxed_local(),
    load: |file, model| Ok(Box::new(Dora::load(file, model)?)),
    merge: Ok(merge),
    extras: Extras { switch: Some("use_dora"), ..Extras::NONE },
    ..lora::METHOD
};

/// A fresh LoRA and the rows' own lengths.
async fn fresh(fresh: Fresh<'_>) -> Result<PeftAdapter> {
    targets::projections(fresh.options.text("targets")?, &fresh.model.config().sizes)?;
    let mut adapter = lora::fresh(fresh)?;
    adapter.config.raw.insert("use_dora".to_owned(), Value::Bool(true));
    for pair in &mut adapter.pairs {
        let weight = weight(pair, fresh.model)?;
        let failed = |reason| Error::new(Kind::Io, pair.module.hf(), "a device that answers", reason);
        let norms = square_norms(weight, fresh.model.device()).sqrt();
        pair.magnitude = Some(read(norms).await.map_err(failed)?);
    }
    Ok(adapter.to_peft())
}

fn weight<'a>(pair: &LoraPair, model: &'a Model) -> Result<&'a Matrix> {
    let found = match pair.module {
        Module::Projection(place) => model.linear(place),
        Module::Embedding | Module::Head => None,
    };
    let missing =
        || Error::new(Kind::Unsupported, pair.module.hf(), "DoRA on projections of layers alone", "another");
    Ok(&found.ok_or_else(missing)?.weight)
}

/// ‖W‖² of each row, `[1, out]`.
fn square_norms(weight: &Matrix, device: &Device) -> Tensor<2> {
    let (rows, step) = (weight.rows(), (CHUNK / weight.cols().max(1)).max(1));
    let part = |from: usize| {
        let ids: Vec<i32> = (from..rows.min(from + step)).map(|row| row as i32).collect();
        let len = ids.len();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [len]), (device, DType::I32));
        weight.rows_of(&ids).square().sum_dim(1)
    };
    Tensor::cat((0..rows).step_by(step).map(part).collect(), 0).transpose()
}

/// The pairs, of projections alone, and with magnitudes.
fn pairs(file: &PeftAdapter, config: &Config) -> Result<Vec<(Place, LoraPair)>> {
    let lora = LoraAdapter::from_peft(file.clone())?;
    lora.check_shapes(|module| module.shape(&config.sizes))?;
    let projection = |pair: LoraPair| match (pair.module, &pair.magnitude) {
        (Module::Projection(place), Some(_)) => Ok((place, pair)),
        (Module::Projection(_), None) => Err(Error::new(Kind::Missing, pair.module.hf(), MAGNITUDE, "none")),
        _ => Err(Error::new(
            Kind::Unsupported,
            pair.module.hf(),
            "DoRA on projections of layers alone",
            "another",
        )),
    };
    lora.pairs.into_iter().map(projection).collect()
}

#[derive(Debug)]
struct Dora(BTreeMap<Place, Layer>);

#[derive(Clone, Debug)]
struct Layer {
    pair: Pair,
    /// `[1, out]`
    magnitude: Tensor<2>,
    /// ‖W‖² of each row, `[1, out]`.
    frozen: Tensor<2>,
    /// 1/‖W + s·B·A‖ of each row, once somebody asked.
    inverse: OnceCell<Tensor<2>>,
}

impl Dora {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let layer = |(place, pair): (Place, LoraPair)| {
            let frozen = square_norms(weight(&pair, model)?, model.device());
            let magnitude = AdapterTensor {
                target: pair.module.into(),
                part: MAGNITUDE.to_owned(),
                shape: vec![pair.outputs],
                values: pair.magnitude.clone().unwrap_or_default(),
            };
            let magnitude = on_device(&magnitude, [1, pair.outputs], model)?;
            let pair = Pair::load(&pair, model)?;
            Ok((place, Layer { pair, magnitude, frozen, inverse: OnceCell::new() }))
        };
        Ok(Self(pairs(file, model.config())?.into_iter().map(layer).collect::<Result<_>>()?))
    }
}

impl Layer {
    fn inverse_norm(&self, weight: &Matrix) -> Tensor<2> {
        let norm = || {
            let Pair { a, b, scale } = &self.pair;
            let (a, b) = (a.clone().detach(), b.clone().detach());
            let across = (weight.matmul(a.clone()).transpose() * b.clone()).sum_dim(1);
            let own = (b.clone().matmul(a.clone().matmul(a.transpose())) * b).sum_dim(1);
            let square = self.frozen.clone() + (across * (2.0 * scale) + own * (scale * scale)).transpose();
            // A row of zeros has no direction.
            square.clamp_min(f32::MIN_POSITIVE).sqrt().recip()
        };
        self.inverse.get_or_init(norm).clone()
    }
}

impl Adapter for Dora {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        let Some(layer) = self.0.get(&linear.place()) else { return linear.frozen(x) };
        let Pair { a, b, scale } = layer.pair.clone();
        let y = lora(x.clone(), a, b, linear.weight.matmul(x), scale);
        linear.biased(y * (layer.magnitude.clone() * layer.inverse_norm(&linear.weight)))
    }

    fn parameters(&self) -> Vec<Parameter> {
        let all = |(place, layer): (&Place, &Layer)| {
            let [a, b] = Module::Projection(*place).parts();
            [(a, &layer.pair.a), (b, &layer.pair.b), (MAGNITUDE, &layer.magnitude)]
                .map(|(part, value)| Parameter::of(Module::Projection(*place).into(), part, value))
        };
        self.0.iter().flat_map(all).collect()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        let mut values = values.into_iter();
        let layer = |(place, old): (&Place, &Layer)| {
            let (a, b, magnitude) = (values.next()?, values.next()?, values.next()?);
            let pair = Pair { a, b, scale: old.pair.scale };
            Some((*place, Layer { pair, magnitude, frozen: old.frozen.clone(), inverse: OnceCell::new() }))
        };
        Box::new(Self(self.0.iter().map_while(layer).collect()))
    }
}

fn merge(file: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
    let change = |pair: &LoraPair, row: usize, weights: &mut [f32]| {
        lora::change_linear(pair, row, weights);
        let norm = weights.iter().map(|weight| f64::from(*weight).powi(2)).sum::<f64>().sqrt();
        let wanted = pair.magnitude.as_ref().and_then(|m| m.get(row)).copied().unwrap_or_default();
        let factor = if norm > 0.0 { (f64::from(wanted) / norm) as f32 } else { 0.0 };
        for weight in weights {
            *weight *= factor;
        }
    };
    Ok(Box::new(Rows { each: pairs(file, config)?.into_iter().collect(), adds: false, change }))
}
