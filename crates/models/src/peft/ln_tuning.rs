//! LN-tuning: the norms' own weights are trained (Zhao et al. 2023, arXiv 2312.11420; Qi et al. 2022, arXiv 2211.08682).

use super::{Adapter, Extras, Fresh, Merge, Method, OptionSpec, Parameter, config, on_device};
use crate::config::Config;
use crate::layers::Norm;
use crate::model::Model;
use crate::read::read;
use futures_util::FutureExt;
use serde_json::json;
use smolder_formats::adapter::{AdapterTensor, PeftAdapter, Target};
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::Tensor;
use std::collections::{BTreeMap, BTreeSet};

const PART: &str = "ln_tuning_layers.weight";
const ALL: &str = "all-norms";

pub(super) const METHOD: Method = Method {
    name: "ln-tuning",
    peft_type: "LN_TUNING",
    about: "trains the weights of the norms that the model has already: few numbers, no cost once merged",
    options: &[OptionSpec {
        name: "targets",
        default: "\"all-norms\"",
        about: "which norms, as in input_layernorm,norm; all-norms for every one",
    }],
    lr: 1e-2,
    // Where they are at rest only the base knows.
    rest: |_| None,
    fresh: |fresh| self::fresh(fresh).boxed_local(),
    load: |file, model| Ok(Box::new(Norms::load(file, model)?)),
    merge: Ok(merge),
    extras: Extras::NONE,
};

fn short(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// The norms that a list of names means.
fn targets<'a>(names: &str, model: &'a Model) -> Result<Vec<&'a Norm>> {
    let known: BTreeSet<&str> = model.norms().map(|norm| short(&norm.path)).collect();
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    if let Some(other) = names.iter().find(|name| **name != ALL && !known.contains(*name)) {
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Error::new(Kind::Missing, "`targets`", format!("{ALL} or some of {known}"), other));
    }
    let meant = |norm: &&Norm| names.contains(&ALL) || names.contains(&short(&norm.path));
    Ok(model.norms().filter(meant).collect())
}

async fn fresh(Fresh { options, model, base, .. }: Fresh<'_>) -> Result<PeftAdapter> {
    let norms = targets(options.text("targets")?, model)?;
    let names: BTreeSet<&str> = norms.iter().map(|norm| short(&norm.path)).collect();
    let mut tensors = Vec::new();
    for norm in norms {
        let failed = |reason: String| Error::new(Kind::Io, &norm.path, "a device that answers", reason);
        let values = read(norm.weight.clone()).await.map_err(failed)?;
        tensors.push(AdapterTensor {
            target: Target::Module(norm.path.clone()),
            part: PART.to_owned(),
            shape: vec![values.len() as u64],
            values: values.into_iter().map(|value: f32| value - norm.stored_less).collect(),
        });
    }
    let own = json!({ "exclude_modules": null, "target_modules": names });
    Ok(PeftAdapter { config: config(base, "LN_TUNING", own)?, tensors, base: None })
}

/// The path of the norm that a tensor is for.
fn path(tensor: &AdapterTensor) -> Result<&str> {
    match &tensor.target {
        Target::Module(path) if tensor.part == PART => Ok(path),
        _ => Err(Error::new(
            Kind::Unsupported,
            format!("tensor `{}`", tensor.key()),
            "a norm's weight",
            &tensor.part,
        )),
    }
}

#[derive(Debug)]
struct Norms {
    /// By path, `[1, width]`, as they are stored.
    weights: BTreeMap<String, Tensor<2>>,
}

impl Norms {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let all: BTreeMap<&str, &Norm> = model.norms().map(|norm| (&*norm.path, norm)).collect();
        let weight = |tensor: &AdapterTensor| {
            let path = path(tensor)?;
            let missing = || Error::new(Kind::Missing, path, "a norm of the base model", "none");
            let [width] = all.get(path).ok_or_else(missing)?.weight.dims();
            Ok((path.to_owned(), on_device(tensor, [1, width as u64], model)?))
        };
        Ok(Self { weights: file.tensors.iter().map(weight).collect::<Result<_>>()? })
    }
}

impl Adapter for Norms {
    fn norm(&self, norm: &Norm) -> Option<Tensor<1>> {
        let weight = self.weights.get(&norm.path)?.clone().reshape([norm.weight.dims()[0]]);
        Some(if norm.stored_less == 0.0 { weight } else { weight + norm.stored_less })
    }

    fn parameters(&self) -> Vec<Parameter> {
        let parameter =
            |(path, value): (&String, &Tensor<2>)| Parameter::of(Target::Module(path.clone()), PART, value);
        self.weights.iter().map(parameter).collect()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self { weights: self.weights.keys().cloned().zip(values).collect() })
    }
}

/// New weights by Hugging Face's names, as GGUF files hold them.
struct Merged(BTreeMap<String, Vec<f32>>);

fn merge(file: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
    let weight = |tensor: &AdapterTensor| {
        let values = tensor.values.iter().map(|value| value + config.norm_stored_less).collect();
        Ok((format!("{}.weight", path(tensor)?), values))
    };
    Ok(Box::new(Merged(file.tensors.iter().map(weight).collect::<Result<_>>()?)))
}

impl Merge for Merged {
    fn changes_vector(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn change_vector(&self, name: &str, index: usize, value: &mut f32) {
        if let Some(new) = self.0.get(name).and_then(|values| values.get(index)) {
            *value = *new;
        }
    }
}
