//! `AdaLoRA`: `y = W·x + s·B·diag(E)·A·x` with A `[rank, in]`, E `[rank, 1]`, B `[out, rank]` and `s = α/(rank + 1e-5)`, rank
//! being what all began with. Of all layers together, those rows of A and columns of B that matter least are left out bit by bit
//! (Zhang et al. 2023, arXiv 2303.10512). It is computed as a LoRA with diag(E)·A.
//!
//! So that E holds something like singular values, training adds to the loss γ times the mean of all ‖A·Aᵀ − I‖ and
//! ‖Bᵀ·B − I‖. What is written has those alone that are left, and names them in `rank_pattern`, as PEFT does.

mod budget;
mod file;

use super::placed::{Found, Placed, Rows};
use super::{
    Adapter, Extras, Merge, Method, OptionSpec, Parameter, Progress, Update, lora, on_device, targets,
};
use crate::config::Config;
use crate::layers::Linear;
use crate::model::Model;
use budget::Budget;
use file::{KEPT, MEMORY, PARTS, parts, scale};
use futures_util::FutureExt;
use smolder_formats::Result;
use smolder_formats::adapter::{AdapterTensor, PeftAdapter};
use smolder_formats::names::Place;
use smolder_kernels::burn::tensor::{Tensor, TensorData};
use smolder_kernels::lora as low_rank;
use std::collections::HashMap;
use std::rc::Rc;

pub(super) const METHOD: Method = Method {
    name: "adalora",
    peft_type: "ADALORA",
    about: "a LoRA that takes rank away while it learns, from where it matters least",
    options: &[
        OptionSpec { name: "rank", default: "12", about: "width of the two matrices at the beginning" },
        OptionSpec {
            name: "final-rank",
            default: "8",
            about: "what is left of it, on average of the layers",
        },
        OptionSpec { default: "24", ..lora::ALPHA },
        targets::OPTION,
        OptionSpec {
            name: "prune-from",
            default: "0.1",
            about: "share of the run after which rank is taken away",
        },
        OptionSpec { name: "prune-until", default: "0.7", about: "share of the run after which no more is" },
        OptionSpec { name: "prune-every", default: "10", about: "steps from one time to the next" },
        OptionSpec {
            name: "orthogonality",
            default: "0.5",
            about: "what the loss counts that rows of A and columns of B are not orthonormal",
        },
    ],
    lr: 5e-3,
    rest: |part| (part == PARTS[1]).then_some(0.0),
    fresh: |fresh| async move { file::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(AdaLora::load(file, model)?)),
    merge: Ok(merge),
    extras: Extras { export: |file| file::written(file), kept: 2, ..Extras::NONE },
};

#[derive(Clone, Debug)]
struct AdaLora {
    /// A, E and B of each layer.
    layers: Placed,
    scale: f32,
    budget: Budget,
    /// Behind a first update.
    memory: Option<Rc<Memory>>,
}

/// What is known of how much each number matters.
#[derive(Debug)]
struct Memory {
    /// Of each parameter `|p·∂p|`, smoothed, and how far that was from its smoothed value, smoothed.
    averages: Vec<[Tensor<2>; 2]>,
    /// For each k of each layer, `[rank, 1]`: 1 where it is left, 0 where it is not.
    kept: Vec<Tensor<2>>,
}

impl AdaLora {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let (found, scale) = (parts(file, &model.config().sizes)?, scale(&file.config)?);
        let layers = Placed::load(&found, model)?;
        let memory = Memory::load(file, &layers, model)?.map(Rc::new);
        Ok(Self { layers, scale, budget: Budget::of(&file.config)?, memory })
    }

    /// A, E and B of each layer.
    fn each(&self) -> Vec<[Tensor<2>; 3]> {
        self.layers.places().filter_map(|place| self.layers.get(place)).collect()
    }

    /// With E nothing where nothing is left.
    fn masked(&self, memory: Memory) -> Self {
        let values = self.each().into_iter().zip(&memory.kept);
        let values = values.flat_map(|([a, e, b], kept)| [a, e * kept.clone(), b]).collect();
        Self { layers: self.layers.with(values), memory: Some(Rc::new(memory)), ..self.clone() }
    }
}

impl Memory {
    fn load(file: &PeftAdapter, layers: &Placed, model: &Model) -> Result<Option<Self>> {
        let known: HashMap<String, &AdapterTensor> =
            file.tensors.iter().map(|one| (one.key(), one)).collect();
        let stored = |key: String, value: &Tensor<2>| {
            let Some(found) = known.get(&key) else { return Ok(None) };
            on_device(found, value.dims().map(|dim| dim as u64), model).map(Some)
        };
        let (mut averages, mut kept) = (Vec::new(), Vec::new());
        for Parameter { key, value } in layers.parameters() {
            let [first, second] = MEMORY.map(|kind| stored(format!("{key}.{kind}"), &value));
            let (Some(first), Some(second)) = (first?, second?) else { return Ok(None) };
            averages.push([first, second]);
            if key.ends_with(PARTS[1]) {
                let Some(found) = stored(format!("{key}.{KEPT}"), &value)? else { return Ok(None) };
                kept.push(found);
            }
        }
        Ok(Some(Self { averages, kept }))
    }

    /// Nothing known yet.
    fn new(layers: &AdaLora) -> Self {
        let zeros = |value: &Tensor<2>| [value.zeros_like(), value.zeros_like()];
        let averages = layers.parameters().iter().map(|one| zeros(&one.value)).collect();
        Self { averages, kept: layers.each().iter().map(|[_, e, _]| e.ones_like()).collect() }
    }

    /// With the gradients of one more update.
    fn learned(&self, update: &Update<'_>, parameters: &[Parameter], budget: &Budget) -> Self {
        let factor = update.factor.clone().reshape([1, 1]);
        let one = |((old, gradient), parameter): ((&[Tensor<2>; 2], &Option<Tensor<2>>), &Parameter)| {
            let [sensitivity, uncertainty] = old.clone();
            let Some(gradient) = gradient else { return [sensitivity, uncertainty] };
            let now = (parameter.value.clone() * gradient.clone() * factor.clone()).abs();
            let sensitivity = smoothed(sensitivity, now.clone(), budget.betas[0]);
            let off = (now - sensitivity.clone()).abs();
            [sensitivity, smoothed(uncertainty, off, budget.betas[1])]
        };
        let averages = self.averages.iter().zip(update.gradients).zip(parameters).map(one).collect();
        Self { averages, kept: self.kept.clone() }
    }
}

fn smoothed(old: Tensor<2>, new: Tensor<2>, beta: f32) -> Tensor<2> {
    old * beta + new * (1.0 - beta)
}

/// ‖M·Mᵀ − I‖ of M's rows.
fn unlike_orthonormal(rows: Tensor<2>) -> Tensor<1> {
    let square = rows.clone().matmul(rows.transpose());
    let identity = Tensor::eye(square.dims()[0], &square.device());
    // The root's slope at 0 is none.
    (square - identity).square().sum().clamp_min(f32::MIN_POSITIVE).sqrt()
}

impl Adapter for AdaLora {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        let y = linear.frozen(x.clone());
        let Some([a, e, b]) = self.layers.get(linear.place()) else { return y };
        low_rank(x, a * e, b, y, self.scale)
    }

    fn penalty(&self) -> Option<Tensor<1>> {
        let both = |[a, _, b]: [Tensor<2>; 3]| [unlike_orthonormal(a), unlike_orthonormal(b.transpose())];
        let each: Vec<Tensor<1>> = self.each().into_iter().flat_map(both).collect();
        let weighed = self.budget.orthogonality > 0.0 && !each.is_empty();
        weighed.then(|| Tensor::cat(each, 0).mean() * self.budget.orthogonality)
    }

    fn updated(&self, update: &Update<'_>) -> Option<Box<dyn Adapter>> {
        let memory = self.memory.clone().unwrap_or_else(|| Rc::new(Memory::new(self)));
        if self.budget.is_over(update.progress) {
            let Memory { averages, kept } = memory.as_ref();
            return Some(Box::new(self.masked(Memory { averages: averages.clone(), kept: kept.clone() })));
        }
        let memory = if self.budget.ends(update.progress) {
            memory
        } else {
            Rc::new(memory.learned(update, &self.parameters(), &self.budget))
        };
        Some(Box::new(Self { memory: Some(memory), ..self.clone() }))
    }

    /// Of each k the mean of A's numbers, that of B's, and E's, each sensitivity times uncertainty.
    fn scores(&self, progress: Progress) -> Option<Tensor<2>> {
        let memory = self.memory.as_ref().filter(|_| self.budget.is_due(progress))?;
        let score = |averages: &[[Tensor<2>; 2]]| {
            let products = averages.iter().map(|[one, other]| one.clone() * other.clone());
            let [a, e, b] = products.collect::<Vec<_>>().try_into().ok()?;
            Some(e + a.mean_dim(1) + b.mean_dim(0).transpose())
        };
        Some(Tensor::cat(memory.averages.chunks(PARTS.len()).filter_map(score).collect(), 0))
    }

    fn pruned(&self, scores: &[f32], progress: Progress) -> Option<Box<dyn Adapter>> {
        let (each, mut from) = (self.each(), 0);
        let left = self.budget.left(scores, each.len(), progress);
        let kept = |[_, e, _]: &[Tensor<2>; 3]| {
            let (rank, device) = (e.dims()[0], e.device());
            let own = left.get(from..from + rank)?.to_vec();
            from += rank;
            Some(Tensor::from_data(TensorData::new(own, [rank, 1]), &device))
        };
        let kept = each.iter().map_while(kept).collect();
        let averages = self.memory.as_ref()?.averages.clone();
        Some(Box::new(self.masked(Memory { averages, kept })))
    }

    fn memory(&self) -> Vec<Parameter> {
        let Some(memory) = &self.memory else { return Vec::new() };
        let named = |(Parameter { key, .. }, averages): (Parameter, &[Tensor<2>; 2])| {
            let one = |(kind, value): (&str, &Tensor<2>)| Parameter {
                key: format!("{key}.{kind}"),
                value: value.clone(),
            };
            MEMORY.into_iter().zip(averages).map(one).collect::<Vec<_>>()
        };
        let parameters = self.parameters();
        let values = parameters.iter().filter(|one| one.key.ends_with(PARTS[1])).zip(&memory.kept);
        let kept =
            values.map(|(one, value)| Parameter { key: format!("{}.{KEPT}", one.key), value: value.clone() });
        let kept: Vec<Parameter> = kept.collect();
        parameters.into_iter().zip(&memory.averages).flat_map(named).chain(kept).collect()
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.layers.parameters()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self { layers: self.layers.with(values), ..self.clone() })
    }
}

/// Row o of s·B·diag(E)·A.
fn merge(file: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
    let scale = scale(&file.config)?;
    let change = |(place, found): (Place, Found)| {
        let [(_, [rank, inputs], a), (.., e), (.., b)] = found.as_slice() else { return None };
        let rows = a.values.chunks(*inputs as usize).zip(&e.values);
        let a: Vec<f32> = rows.flat_map(|(row, e)| row.iter().map(move |a| scale * e * a)).collect();
        Some((place, (a, b.values.clone(), *rank as usize)))
    };
    let each = parts(file, &config.sizes)?.into_iter().filter_map(change).collect();
    let change = |(a, b, rank): &(Vec<f32>, Vec<f32>, usize), row: usize, weights: &mut [f32]| {
        let b = b.get(row * rank..(row + 1) * rank).unwrap_or_default();
        for (b, a) in b.iter().zip(a.chunks(weights.len().max(1))) {
            weights.iter_mut().zip(a).for_each(|(weight, a)| *weight += b * a);
        }
    };
    Ok(Box::new(Rows { each, adds: true, change }))
}
