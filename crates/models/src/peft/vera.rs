//! `VeRA`: `y = W·x + b ⊙ B·(d ⊙ (A·x))` with one random pair A, B for all layers that is never trained, of which each
//! takes as many columns and rows as it has inputs and outputs; trained are d `[rank]`, beginning at 0.1, and b `[out]`,
//! beginning at 0 (Kopiczko et al. 2024, arXiv 2310.11454).
//!
//! It is computed as a LoRA with diag(d)·A and diag(b)·B.

use super::placed::{Found, Placed, Rows, Site, dims, found, tensor, whole};
use super::random::uniform;
use super::{Adapter, Extras, Fresh, Merge, Method, OptionSpec, Parameter, config, on_device, targets};
use crate::config::Config;
use crate::layers::Linear;
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;
use smolder_formats::adapter::{AdapterTensor, PeftAdapter, Target};
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::lora;
use std::collections::BTreeMap;
use std::rc::Rc;

const B: &str = "vera_lambda_b";
const D: &str = "vera_lambda_d";
const SHARED: [&str; 2] = ["base_model.vera_A", "base_model.vera_B"];

pub(super) const METHOD: Method = Method {
    name: "vera",
    peft_type: "VERA",
    about: "a LoRA whose two matrices are random, frozen and shared by all layers: two vectors a layer are learned",
    options: &[
        OptionSpec { name: "rank", default: "256", about: "width of the shared matrices" },
        targets::OPTION,
        OptionSpec { name: "d-initial", default: "0.1", about: "what the vector between the two begins as" },
    ],
    lr: 4e-3,
    rest: |part| (part == B).then_some(0.0),
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(Vera::load(file, model)?)),
    merge: Ok(merge),
    extras: Extras::NONE,
};

fn fresh(Fresh { options, model, seed, base, .. }: Fresh) -> Result<PeftAdapter> {
    let sizes = &model.config().sizes;
    let rank = options.integer("rank", 1..=4096)?;
    let d_initial = options.number("d-initial", 1e-6..=1e3)?;
    let places = targets::projections(options.text("targets")?, sizes)?;
    let shapes: Vec<(Place, [u64; 2])> =
        places.iter().filter_map(|place| Some((*place, sizes.weight(*place)?))).collect();
    let most = |at: usize| shapes.iter().map(|(_, shape)| shape[at]).max().unwrap_or(1);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // Kaiming's: U(±√(6/inputs)).
    let mut shared = |part: &str, shape: [u64; 2]| {
        let bound = (6.0 / shape[1] as f32).sqrt();
        let values = (0..shape[0] * shape[1]).map(|_| bound * uniform(&mut random)).collect();
        whole(part, &shape, values)
    };
    let mut tensors = vec![shared(SHARED[0], [rank, most(1)]), shared(SHARED[1], [most(0), rank])];
    let vectors = |(place, shape): &(Place, [u64; 2])| {
        let b = tensor(*place, B, &shape[..1], vec![0.0; shape[0] as usize]);
        [b, tensor(*place, D, &[rank], vec![d_initial as f32; rank as usize])]
    };
    tensors.extend(shapes.iter().flat_map(vectors));
    let own = json!({
        "bias": "none", "d_initial": d_initial, "fan_in_fan_out": false, "init_weights": true,
        "layers_pattern": null, "layers_to_transform": null, "projection_prng_key": 0, "r": rank,
        "save_projection": true, "target_modules": targets::names_of(&places), "vera_dropout": 0.0,
    });
    Ok(PeftAdapter { config: config(base, "VERA", own)?, tensors, base: None })
}

/// The shared A `[rank, most inputs]` and B `[most outputs, rank]`, and each projection's vectors.
type Parts<'a> = ([&'a AdapterTensor; 2], BTreeMap<Place, Found<'a>>);

fn parts<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<Parts<'a>> {
    let (shared, own): (Vec<_>, Vec<_>) = file.tensors.iter().partition(|one| one.target == Target::Model);
    let find = |part: &str| {
        let missing =
            || Error::new(Kind::Missing, part, "both matrices, as `save_projection` stores them", "none");
        shared.iter().copied().find(|one| one.part == part).ok_or_else(missing)
    };
    let [a, b] = [find(SHARED[0])?, find(SHARED[1])?];
    let ([rank, inputs], [outputs, same]) = (dims(a)?, dims(b)?);
    let expected = |site: &Site| {
        let [rows, cols] = site.shape;
        if rank == same && rows <= outputs && cols <= inputs {
            return Ok(vec![(B, [1, rows]), (D, [1, rank])]);
        }
        let expected = format!("vera_A of {cols} columns and vera_B of {rows} rows or more, of one rank");
        Err(Error::new(Kind::Shape, site.place.hf(), expected, format!("{:?} and {:?}", a.shape, b.shape)))
    };
    Ok(([a, b], found(own, sizes, expected)?))
}

#[derive(Debug)]
struct Vera {
    /// A and B.
    shared: Rc<[Tensor<2>; 2]>,
    /// b `[1, out]` and d `[1, rank]`.
    vectors: Placed,
}

impl Vera {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let ([a, b], found) = parts(file, &model.config().sizes)?;
        let shared = Rc::new([on_device(a, dims(a)?, model)?, on_device(b, dims(b)?, model)?]);
        Ok(Self { shared, vectors: Placed::load(&found, model)? })
    }
}

impl Adapter for Vera {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        let y = linear.frozen(x.clone());
        let Some([b, d]) = self.vectors.get(linear.place()) else { return y };
        let (inputs, outputs) = (x.dims()[1], y.dims()[1]);
        let [shared_a, shared_b] = self.shared.as_ref().clone();
        let a = shared_a.narrow(1, 0, inputs) * d.transpose();
        let b = shared_b.narrow(0, 0, outputs) * b.transpose();
        lora(x, a, b, y, 1.0)
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.vectors.parameters()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self { shared: Rc::clone(&self.shared), vectors: self.vectors.with(values) })
    }
}

/// What a projection's rows are changed with.
struct Change {
    /// diag(d)·A, `[rank, in]`.
    a: Vec<f32>,
    /// The shared B, `[most outputs, rank]`.
    b: Rc<Vec<f32>>,
    rank: usize,
    scale: Vec<f32>,
}

/// Row o of W + diag(b)·B·diag(d)·A.
fn merge(file: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
    let ([shared_a, shared_b], found) = parts(file, &config.sizes)?;
    let ([rank, columns], b) = (dims(shared_a)?, Rc::new(shared_b.values.clone()));
    let change = |(place, found): (Place, Found)| {
        let [_, inputs] = config.sizes.weight(place)?;
        let [(.., scale), (.., d)] = found.as_slice() else { return None };
        let rows = shared_a.values.chunks(columns as usize).zip(&d.values);
        let a = rows.flat_map(|(row, d)| row.iter().take(inputs as usize).map(move |a| a * d)).collect();
        Some((place, Change { a, b: Rc::clone(&b), rank: rank as usize, scale: scale.values.clone() }))
    };
    let each = found.into_iter().filter_map(change).collect();
    let change = |Change { a, b, rank, scale }: &Change, row: usize, weights: &mut [f32]| {
        let scale = scale.get(row).copied().unwrap_or_default();
        let b = b.get(row * rank..(row + 1) * rank).unwrap_or_default();
        for (b, a) in b.iter().zip(a.chunks(weights.len().max(1))) {
            weights.iter_mut().zip(a).for_each(|(weight, a)| *weight += scale * b * a);
        }
    };
    Ok(Box::new(Rows { each, adds: true, change }))
}
