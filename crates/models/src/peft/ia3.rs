//! (IA)³: `y = l ⊙ (W·x + b)`, and for feed-forward layers `y = W·(l ⊙ x) + b`, l beginning as ones (Liu et al. 2022,
//! arXiv 2205.05638).

use super::placed::{Expected, Found, Placed, Site, found, tensor};
use super::{Adapter, Extras, Fresh, Merge, Method, OptionSpec, Parameter, config, targets};
use crate::config::Config;
use crate::layers::Linear;
use crate::model::Model;
use futures_util::FutureExt;
use serde_json::{Value, json};
use smolder_formats::adapter::{AdapterConfig, Module, PeftAdapter};
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::Tensor;
use std::collections::{BTreeMap, BTreeSet};

const PART: &str = "ia3_l";

pub(super) const METHOD: Method = Method {
    name: "ia3",
    peft_type: "IA3",
    about: "multiplies what some layers read or give with a learned vector: few numbers, no cost once merged",
    options: &[
        OptionSpec { default: "\"k_proj,v_proj,down_proj\"", ..targets::OPTION },
        OptionSpec {
            name: "feedforward",
            default: "\"down_proj\"",
            about: "those of them whose input is multiplied, not their result",
        },
    ],
    lr: 5e-3,
    rest: |_| Some(1.0),
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(Ia3::load(file, model)?)),
    merge: Ok(merge),
    extras: Extras::NONE,
};

fn fresh(Fresh { options, model, base, .. }: Fresh) -> Result<PeftAdapter> {
    let sizes = &model.config().sizes;
    let places = targets::projections(options.text("targets")?, sizes)?;
    let names = targets::names_of(&places);
    let feedforward = options.text("feedforward")?.split(',').map(str::trim).filter(|name| !name.is_empty());
    let feedforward: Vec<&str> = feedforward.collect();
    if let Some(other) = feedforward.iter().find(|name| !names.contains(name)) {
        let expected = format!("some of the targets, which are {}", names.join(", "));
        return Err(Error::new(Kind::Missing, "`feedforward`", expected, other));
    }
    let ones = |place: &Place| {
        let [outputs, inputs] = sizes.weight(*place)?;
        let reads = feedforward.contains(&place.projection.name());
        let shape = if reads { [1, inputs] } else { [outputs, 1] };
        Some(tensor(*place, PART, &shape, vec![1.0; (shape[0] * shape[1]) as usize]))
    };
    let tensors = places.iter().filter_map(ones).collect();
    let own = json!({
        "exclude_modules": null, "fan_in_fan_out": false, "feedforward_modules": feedforward,
        "init_ia3_weights": true, "target_modules": names,
    });
    Ok(PeftAdapter { config: config(base, "IA3", own)?, tensors, base: None })
}

/// The short names of modules whose input is multiplied.
fn feedforward(config: &AdapterConfig) -> Result<BTreeSet<String>> {
    let value = config.raw.get("feedforward_modules").unwrap_or(&Value::Null);
    let names = match value {
        Value::Null => Some(BTreeSet::new()),
        Value::String(name) => Some([name.clone()].into()),
        Value::Array(names) => names.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    let field = "`feedforward_modules`";
    let names = names.ok_or_else(|| Error::new(Kind::Type, field, "a list of module names", value))?;
    let known = |name: &String| config.targets.iter().any(|target| target == name);
    match names.iter().find(|name| !known(name)) {
        Some(other) => {
            Err(Error::new(Kind::Unsupported, field, "some of `target_modules`, by the same names", other))
        }
        None => Ok(names),
    }
}

/// Whether a place is among modules that are named by the ends of their paths.
fn among(names: &BTreeSet<String>, place: Place) -> bool {
    let path = place.hf();
    names.iter().any(|name| path == *name || path.ends_with(&format!(".{name}")))
}

type Vectors<'a> = (BTreeMap<Place, Found<'a>>, BTreeSet<String>);

fn vectors<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<Vectors<'a>> {
    let reads = feedforward(&file.config)?;
    let expected = |site: &Site| -> Result<Expected> {
        Ok(vec![(PART, [1, site.shape[usize::from(among(&reads, site.place))]])])
    };
    Ok((found(&file.tensors, sizes, expected)?, reads))
}

#[derive(Clone, Debug)]
struct Ia3 {
    /// `[1, out]`, or `[1, in]` where it is the input's.
    vectors: Placed,
    /// Whose input is multiplied.
    reads: BTreeSet<Place>,
}

impl Ia3 {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let (found, names) = vectors(file, &model.config().sizes)?;
        let reads = found.keys().copied().filter(|place| among(&names, *place)).collect();
        Ok(Self { vectors: Placed::load(&found, model)?, reads })
    }
}

impl Adapter for Ia3 {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        match self.vectors.part(linear.place(), PART) {
            None => linear.frozen(x),
            Some(l) if self.reads.contains(&linear.place()) => linear.frozen(x * l),
            Some(l) => linear.frozen(x) * l,
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.vectors.parameters()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self { vectors: self.vectors.with(values), reads: self.reads.clone() })
    }
}

/// `W' = diag(l)·W` and `b' = l ⊙ b`, or `W' = W·diag(l)`.
struct Scaled(BTreeMap<Place, (bool, Vec<f32>)>);

fn merge(file: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
    let (found, names) = vectors(file, &config.sizes)?;
    let vector = |(place, found): (Place, Found)| {
        let values = found.into_iter().flat_map(|(.., tensor)| tensor.values.clone()).collect();
        (place, (among(&names, place), values))
    };
    Ok(Box::new(Scaled(found.into_iter().map(vector).collect())))
}

impl Scaled {
    /// The vector of what a bias is added to.
    fn of_bias(&self, name: &str) -> Option<&Vec<f32>> {
        let (reads, l) = self.0.get(&Place::from_hf(name.strip_suffix(".bias")?)?)?;
        (!reads).then_some(l)
    }
}

impl Merge for Scaled {
    fn changes(&self, module: Module) -> bool {
        matches!(module, Module::Projection(place) if self.0.contains_key(&place))
    }

    fn change(&self, module: Module, row: usize, weights: &mut [f32]) {
        let Module::Projection(place) = module else { return };
        match self.0.get(&place) {
            Some((true, l)) => weights.iter_mut().zip(l).for_each(|(weight, l)| *weight *= l),
            Some((false, l)) => {
                let l = l.get(row).copied().unwrap_or(1.0);
                for weight in weights {
                    *weight *= l;
                }
            }
            None => {}
        }
    }

    fn changes_vector(&self, name: &str) -> bool {
        self.of_bias(name).is_some()
    }

    fn change_vector(&self, name: &str, index: usize, value: &mut f32) {
        *value *= self.of_bias(name).and_then(|l| l.get(index)).copied().unwrap_or(1.0);
    }
}
