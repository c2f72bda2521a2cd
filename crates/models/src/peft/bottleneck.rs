//! Bottleneck adapters: beside a sublayer that makes y of x stands `U·σ(D·z + b) + c` of z, which is y or x, with D `[width of
//! the adapter, width]`, U `[width, width of the adapter]` and σ the positive part. U and c begin as zeros.
//!
//! PEFT has no such methods: the layout is ours, four tensors beside each sublayer.

use super::beside::{beside, target, tensor};
use super::network::layer;
use super::placed::fits;
use super::random::spread;
use super::{Adapter, Fresh, OptionSpec, Parameter, Sublayer, config, on_device};
use crate::model::Model;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use smolder_formats::adapter::{AdapterTensor, PeftAdapter};
use smolder_formats::model::ModelConfig;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::burn::tensor::activation::relu;
use std::collections::BTreeMap;

/// D and b, U and c.
const PARTS: [&str; 4] = ["adapter_down.weight", "adapter_down.bias", "adapter_up.weight", "adapter_up.bias"];

pub(super) const WIDTH: OptionSpec =
    OptionSpec { name: "width", default: "64", about: "numbers that a token is narrowed to" };

/// Where a method's adapters stand.
pub(super) struct Places {
    pub peft_type: &'static str,
    /// The sublayers of a layer.
    pub of: fn(u32) -> Vec<Sublayer>,
    /// Whether they read what the sublayer reads, not what it makes.
    pub beside: bool,
}

/// Why they cannot be merged.
pub(super) const NO_WEIGHT: &str = "a network beside a sublayer has no place in the weights";

/// U and c, which begin as zeros.
pub(super) fn rest(part: &str) -> Option<f32> {
    part.starts_with("adapter_up").then_some(0.0)
}

/// As PyTorch begins: D and b from U(±1/√inputs); U and c zero.
pub(super) fn fresh(fresh: &Fresh, places: &Places, scale: f64) -> Result<PeftAdapter> {
    let (sizes, narrow) = (&fresh.model.config().sizes, fresh.options.integer("width", 1..=65536)?);
    let (wide, mut random) = (sizes.width, ChaCha8Rng::seed_from_u64(fresh.seed));
    let mut four = |sublayer: Sublayer| {
        let [down, bias] = [narrow * wide, narrow].map(|count| spread(&mut random, wide, count));
        let [up, shift] = [wide * narrow, wide].map(|count| vec![0.0; count as usize]);
        let shapes = [vec![narrow, wide], vec![narrow], vec![wide, narrow], vec![wide]];
        let each = PARTS.into_iter().zip(shapes).zip([down, bias, up, shift]);
        let tensor = |((part, shape), values): ((&str, Vec<u64>), _)| tensor(sublayer, part, &shape, values);
        each.map(tensor).collect::<Vec<_>>()
    };
    let tensors = (0..sizes.layers as u32).flat_map(places.of).flat_map(&mut four).collect();
    let own =
        json!({ "bottleneck_width": narrow, "bottleneck_beside": places.beside, "bottleneck_scale": scale });
    Ok(PeftAdapter { config: config(fresh.base, places.peft_type, own)?, tensors, base: None })
}

/// A sublayer's four tensors, and the shapes that they must have.
type Four<'a> = [(&'a AdapterTensor, [u64; 2]); 4];

fn parts<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<BTreeMap<Sublayer, Four<'a>>> {
    let four = |(sublayer, [down, bias, up, shift]): (Sublayer, [&'a AdapterTensor; 4])| {
        let wide = sizes.width;
        let narrow = down.shape.first().copied().unwrap_or_default();
        let four = [(down, [narrow, wide]), (bias, [1, narrow]), (up, [wide, narrow]), (shift, [1, wide])];
        four.iter().try_for_each(|(tensor, shape)| fits(tensor, *shape))?;
        Ok((sublayer, four))
    };
    beside(&file.tensors, sizes, PARTS)?.into_iter().map(four).collect()
}

pub(super) fn load(file: &PeftAdapter, model: &Model) -> Result<Box<dyn Adapter>> {
    let stated = |key: &str| file.config.raw.get(key).unwrap_or(&Value::Null);
    let refused =
        |key: &str, expected: &str| Error::new(Kind::Type, format!("`{key}`"), expected, stated(key));
    let scale = stated("bottleneck_scale").as_f64();
    let scale = scale.ok_or_else(|| refused("bottleneck_scale", "a number"))? as f32;
    let beside = stated("bottleneck_beside").as_bool();
    let beside = beside.ok_or_else(|| refused("bottleneck_beside", "true or false"))?;
    let load = |(sublayer, four): (Sublayer, Four)| {
        let tensors = four.iter().map(|(tensor, shape)| on_device(tensor, *shape, model));
        Ok((sublayer, tensors.collect::<Result<_>>()?))
    };
    let each = parts(file, &model.config().sizes)?.into_iter().map(load).collect::<Result<_>>()?;
    Ok(Box::new(Bottlenecks { each, beside, scale }))
}

#[derive(Debug)]
struct Bottlenecks {
    /// D, b, U and c.
    each: BTreeMap<Sublayer, Vec<Tensor<2>>>,
    beside: bool,
    scale: f32,
}

impl Adapter for Bottlenecks {
    fn sublayer(&self, which: Sublayer, x: &Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        let Some([down, bias, up, shift]) = self.each.get(&which).map(Vec::as_slice) else { return y };
        let read = if self.beside { x.clone() } else { y.clone() };
        y + layer(relu(layer(read, down, bias)), up, shift) * self.scale
    }

    fn parameters(&self) -> Vec<Parameter> {
        let named = |(sublayer, four): (&Sublayer, &Vec<Tensor<2>>)| {
            let of = |(part, value)| Parameter::of(target(*sublayer), part, value);
            PARTS.into_iter().zip(four).map(of).collect::<Vec<_>>()
        };
        self.each.iter().flat_map(named).collect()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        let mut values = values.into_iter();
        let each = self.each.keys().map(|sublayer| (*sublayer, values.by_ref().take(PARTS.len()).collect()));
        Box::new(Self { each: each.collect(), ..*self })
    }
}
