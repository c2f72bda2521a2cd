//! A LoRA that begins as a part of the weights: `y = W·x + s·(B·A − B₀·A₀)·x`, B₀ and A₀ being what B and A begin as. That is
//! the base without s·B₀·A₀, and a LoRA in its place; the base itself stays, so that it can be quantized.
//!
//! What is written is a LoRA of twice the rank, `[B, −B₀]·[A; A₀]`, as PEFT converts such adapters: of the unchanged base.

use super::factoring::Weight;
use super::lora::{self, Pair};
use super::{Adapter, Extras, Fresh, Merge, Method, Parameter, targets};
use crate::config::Config;
use crate::layers::Linear;
use crate::model::Model;
use crate::svd::Factors;
use serde_json::Value;
use smolder_formats::adapter::{AdapterTensor, LoraAdapter, LoraPair, Module, PeftAdapter, Scale};
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::lora;
use std::collections::BTreeMap;

/// What A and B are called, and what they began as.
const PARTS: [[&str; 2]; 2] = [["lora_A.weight", "taken_A"], ["lora_B.weight", "taken_B"]];

/// How the switches begin that tell such methods from each other, until what is written is a LoRA.
const SWITCHES: &str = "smolder_";

/// What such methods have in common, with a switch of their own.
pub(super) const fn method(switch: &'static str) -> Method {
    Method {
        options: &[lora::RANK, lora::ALPHA, lora::RSLORA, targets::OPTION, lora::RANKS, lora::ALPHAS],
        lr: 2e-4,
        rest: |_| None,
        load: |file, model| Ok(Box::new(Taken::load(file, model)?)),
        merge: Ok(merge),
        extras: Extras { switch: Some(switch), export, ..Extras::NONE },
        ..lora::METHOD
    }
}

/// A fresh LoRA, of the factors that `take` makes of each weight for a pair's rank and scale.
pub(super) async fn fresh(
    fresh: Fresh<'_>,
    switch: &str,
    mut take: impl AsyncFnMut(Weight<'_>, usize, f64) -> Result<Factors>,
) -> Result<PeftAdapter> {
    targets::projections(fresh.options.text("targets")?, &fresh.model.config().sizes)?;
    let mut adapter = lora::fresh(fresh)?;
    for pair in &mut adapter.pairs {
        let (rank, most) = (pair.scale.rank, pair.inputs.min(pair.outputs));
        if rank > most {
            let expected = format!("{most} or less, as many as {} has rows and columns", pair.module.hf());
            return Err(Error::new(Kind::Value, "`rank`", expected, rank));
        }
        let weight = Weight::of(pair, fresh.model)?;
        [pair.a, pair.b] = take(weight, rank as usize, pair.scale.factor()).await?;
    }
    adapter.config.raw.insert(switch.to_owned(), Value::Bool(true));
    let mut file = adapter.to_peft();
    let copy = |tensor: &AdapterTensor| {
        let part = PARTS.iter().find(|[part, _]| tensor.part == *part)?[1].to_owned();
        Some(AdapterTensor { part, ..tensor.clone() })
    };
    let taken: Vec<AdapterTensor> = file.tensors.iter().filter_map(copy).collect();
    file.tensors.extend(taken);
    Ok(file)
}

/// Each pair as it is, and as it began.
fn pairs(file: &PeftAdapter) -> Result<(LoraAdapter, Vec<LoraPair>)> {
    let one = |at: usize| {
        let named = |tensor: &AdapterTensor| {
            let part = PARTS.iter().find(|names| tensor.part == names[at])?[0].to_owned();
            Some(AdapterTensor { part, ..tensor.clone() })
        };
        let tensors = file.tensors.iter().filter_map(named).collect();
        LoraAdapter::from_peft(PeftAdapter { tensors, ..file.clone() })
    };
    let ([now, begun], known) = ([one(0)?, one(1)?], PARTS.as_flattened());
    if let Some(other) = file.tensors.iter().find(|one| !known.contains(&one.part.as_str())) {
        let field = format!("tensor `{}`", other.key());
        return Err(Error::new(Kind::Unsupported, field, known.join(", "), &other.part));
    }
    let same = |(one, other): (&LoraPair, &LoraPair)| {
        one.module == other.module && one.b.len() == other.b.len() && one.a.len() == other.a.len()
    };
    if now.pairs.len() == begun.pairs.len() && now.pairs.iter().zip(&begun.pairs).all(same) {
        return Ok((now, begun.pairs));
    }
    let expected =
        format!("{} and {} of the same modules and shapes", PARTS[0].join(" and "), PARTS[1].join(" and "));
    Err(Error::new(Kind::Mismatch, "adapter", expected, "others"))
}

#[derive(Debug)]
struct Taken(BTreeMap<Place, Layer>);

#[derive(Clone, Debug)]
struct Layer {
    now: Pair,
    begun: Pair,
}

impl Taken {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let (now, begun) = pairs(file)?;
        now.check_shapes(|module| module.shape(&model.config().sizes))?;
        let layer = |(now, begun): (&LoraPair, &LoraPair)| {
            let Module::Projection(place) = now.module else {
                let expected = "projections of layers alone";
                return Err(Error::new(Kind::Unsupported, now.module.hf(), expected, "another"));
            };
            Ok((place, Layer { now: Pair::load(now, model)?, begun: Pair::load(begun, model)? }))
        };
        Ok(Self(now.pairs.iter().zip(&begun).map(layer).collect::<Result<_>>()?))
    }
}

impl Adapter for Taken {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        let y = linear.frozen(x.clone());
        let Some(Layer { now, begun }) = self.0.get(&linear.place()).cloned() else { return y };
        // One behind the other: a LoRA of both would also compute what nobody asks for, the gradients of what is frozen.
        let rest = lora(x.clone(), begun.a, begun.b, y, -begun.scale);
        lora(x, now.a, now.b, rest, now.scale)
    }

    fn parameters(&self) -> Vec<Parameter> {
        let named = |(place, layer): (&Place, &Layer)| {
            let of = |part, value| Parameter::of(Module::Projection(*place).into(), part, value);
            [of(PARTS[0][0], &layer.now.a), of(PARTS[1][0], &layer.now.b)]
        };
        self.0.iter().flat_map(named).collect()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        let mut values = values.into_iter();
        let layer = |(place, old): (&Place, &Layer)| {
            let now = Pair { a: values.next()?, b: values.next()?, scale: old.now.scale };
            Some((*place, Layer { now, begun: old.begun.clone() }))
        };
        Box::new(Self(self.0.iter().map_while(layer).collect()))
    }
}

fn merge(file: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
    lora::merge(&export(file)?, config)
}

/// The LoRA of twice the rank that changes the unchanged base as much.
fn export(file: &PeftAdapter) -> Result<PeftAdapter> {
    let (mut lora, begun) = pairs(file)?;
    for (pair, begun) in lora.pairs.iter_mut().zip(begun) {
        let rank = pair.scale.rank as usize;
        pair.a.extend(begun.a);
        let rows = pair.b.chunks(rank).zip(begun.b.chunks(rank));
        pair.b = rows.flat_map(|(b, begun)| b.iter().copied().chain(begun.iter().map(|b| -b))).collect();
        pair.scale = doubled(pair.scale);
    }
    let raw = &mut lora.config.raw;
    raw.retain(|key, _| !key.starts_with(SWITCHES));
    let by_root = raw.get("use_rslora") == Some(&Value::Bool(true));
    let factors = [2.0, if by_root { std::f64::consts::SQRT_2 } else { 2.0 }];
    for (keys, factor) in [["r", "rank_pattern"], ["lora_alpha", "alpha_pattern"]].into_iter().zip(factors) {
        for key in keys {
            raw.get_mut(key).into_iter().for_each(|value| multiply(value, factor));
        }
    }
    Ok(lora.to_peft())
}

/// Twice the rank, and the same factor.
fn doubled(scale: Scale) -> Scale {
    let alpha = scale.alpha * if scale.by_root { std::f64::consts::SQRT_2 } else { 2.0 };
    Scale { rank: 2 * scale.rank, alpha, ..scale }
}

/// A number, or each of an object's.
fn multiply(value: &mut Value, factor: f64) {
    match value {
        Value::Object(each) => each.values_mut().for_each(|one| multiply(one, factor)),
        Value::Number(number) => {
            let whole = number.as_u64().filter(|_| factor.fract() == 0.0);
            *value = match whole {
                Some(whole) => (whole * factor as u64).into(),
                None => (number.as_f64().unwrap_or_default() * factor).into(),
            };
        }
        _ => {}
    }
}
