//! LoRA: W' = W + s·B·A with A `[r, in]`, B `[out, r]` (Hu et al., 2021; arXiv 2106.09685).

use std::collections::BTreeMap;

use super::config::{AdapterConfig, Scale};
use super::identity::BaseIdentity;
use super::peft::{AdapterTensor, PeftAdapter, Target};
use crate::error::{Error, Kind, Result};
use crate::names::Place;

/// One projection's pair.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraPair {
    /// Where it belongs.
    pub place: Place,
    /// Rank, alpha and their rule.
    pub scale: Scale,
    /// Columns of A.
    pub inputs: u64,
    /// Rows of B.
    pub outputs: u64,
    /// A, row by row.
    pub a: Vec<f32>,
    /// B, row by row.
    pub b: Vec<f32>,
    /// `DoRA`'s magnitudes, one a row of the weight.
    pub magnitude: Option<Vec<f32>>,
}

/// A LoRA, every pair complete and of the shapes that its rank asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraAdapter {
    /// The config that it came with, or that it is written with.
    pub config: AdapterConfig,
    /// The pairs, by layer and projection.
    pub pairs: Vec<LoraPair>,
    /// The base model, where the file says.
    pub base: Option<BaseIdentity>,
}

#[derive(Default)]
struct Parts {
    a: Option<AdapterTensor>,
    b: Option<AdapterTensor>,
    magnitude: Option<AdapterTensor>,
}

fn unsupported(tensor: &AdapterTensor) -> Error {
    let expected = "a pair on a projection of a layer";
    Error::new(Kind::Unsupported, format!("tensor `{}`", tensor.key()), expected, &tensor.part)
}

impl LoraAdapter {
    /// Pairs up a PEFT adapter's tensors.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for another method or for tensors outside of projections, [`Kind::Missing`] for half a
    /// pair, [`Kind::Shape`] for shapes that contradict the rank or each other.
    pub fn from_peft(adapter: PeftAdapter) -> Result<Self> {
        if adapter.config.method != "LORA" {
            return Err(Error::new(Kind::Unsupported, "`peft_type`", "LORA", &adapter.config.method));
        }
        let mut places: BTreeMap<Place, Parts> = BTreeMap::new();
        for tensor in adapter.tensors {
            let Target::Projection(place) = tensor.target else { return Err(unsupported(&tensor)) };
            let parts = places.entry(place).or_default();
            match tensor.part.as_str() {
                "lora_A.weight" => parts.a = Some(tensor),
                "lora_B.weight" => parts.b = Some(tensor),
                "lora_magnitude_vector" => parts.magnitude = Some(tensor),
                _ => return Err(unsupported(&tensor)),
            }
        }
        let pairs = places
            .into_iter()
            .map(|(place, parts)| pair(&adapter.config, place, parts))
            .collect::<Result<_>>()?;
        Ok(Self { config: adapter.config, pairs, base: adapter.base })
    }

    /// The same tensors under PEFT's keys.
    pub fn to_peft(&self) -> PeftAdapter {
        let mut tensors = Vec::with_capacity(self.pairs.len() * 2);
        for pair in &self.pairs {
            let mut put = |part: &str, shape: &[u64], values: &[f32]| {
                let target = Target::Projection(pair.place);
                tensors.push(AdapterTensor {
                    target,
                    part: part.into(),
                    shape: shape.into(),
                    values: values.into(),
                });
            };
            put("lora_A.weight", &[pair.scale.rank, pair.inputs], &pair.a);
            put("lora_B.weight", &[pair.outputs, pair.scale.rank], &pair.b);
            pair.magnitude.iter().for_each(|m| put("lora_magnitude_vector", &[pair.outputs], m));
        }
        PeftAdapter { config: self.config.clone(), tensors, base: self.base.clone() }
    }

    /// Compares the pairs with the shapes `[out, in]` of the base's projections.
    ///
    /// # Errors
    /// [`Kind::Missing`] for a projection that the base does not have, [`Kind::Shape`] for one of another shape.
    pub fn check_shapes(&self, shape: impl Fn(Place) -> Option<[u64; 2]>) -> Result<()> {
        self.pairs.iter().try_for_each(|pair| {
            let field = pair.place.hf();
            let ours = [pair.outputs, pair.inputs];
            match shape(pair.place) {
                Some(theirs) if theirs == ours => Ok(()),
                Some(theirs) => Err(Error::new(
                    Kind::Shape,
                    field,
                    format!("{theirs:?}, as in the base model"),
                    format!("{ours:?}"),
                )),
                None => Err(Error::new(Kind::Missing, field, "a projection of the base model", "none")),
            }
        })
    }

    /// What a person should know before using it.
    pub fn warnings(&self) -> Vec<String> {
        let idle = self.pairs.iter().all(|pair| pair.b.iter().all(|value| *value == 0.0));
        idle.then(|| "every B is zero: this adapter does nothing".to_owned()).into_iter().collect()
    }
}

fn pair(config: &AdapterConfig, place: Place, parts: Parts) -> Result<LoraPair> {
    let path = place.hf();
    let half = |part: &str| Error::new(Kind::Missing, &path, "lora_A and lora_B", format!("no {part}"));
    let a = parts.a.ok_or_else(|| half("lora_A"))?;
    let b = parts.b.ok_or_else(|| half("lora_B"))?;
    let scale = config.scale(&path)?;
    let (Some(inputs), Some(outputs)) = (columns(&a, scale.rank), rows(&b, scale.rank)) else {
        let expected = format!("lora_A [{0}, in] and lora_B [out, {0}]", scale.rank);
        return Err(Error::new(Kind::Shape, path, expected, format!("{:?} and {:?}", a.shape, b.shape)));
    };
    if let Some(m) = parts.magnitude.as_ref().filter(|m| m.values.len() as u64 != outputs) {
        return Err(Error::new(Kind::Shape, path, format!("{outputs} magnitudes"), m.values.len()));
    }
    let magnitude = parts.magnitude.map(|m| m.values);
    Ok(LoraPair { place, scale, inputs, outputs, a: a.values, b: b.values, magnitude })
}

fn columns(a: &AdapterTensor, rank: u64) -> Option<u64> {
    if let [r, inputs] = a.shape.as_slice() { Some(*inputs).filter(|_| *r == rank) } else { None }
}

fn rows(b: &AdapterTensor, rank: u64) -> Option<u64> {
    if let [outputs, r] = b.shape.as_slice() { Some(*outputs).filter(|_| *r == rank) } else { None }
}
