//! `BitFit`: `y = W·x + b + δ` with δ `[out]` trained from 0, on the biases that a model has or on every projection (Ben
//! Zaken et al. 2022, arXiv 2106.10199). PEFT has no such method: the layout is ours, `bitfit_delta` beside each projection.

use super::placed::{Expected, Found, Placed, Site, found, tensor};
use super::{Adapter, Extras, Fresh, Merge, Method, OptionSpec, Parameter, config, targets};
use crate::config::Config;
use crate::layers::Linear;
use futures_util::FutureExt;
use serde_json::json;
use smolder_formats::adapter::PeftAdapter;
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::Tensor;
use std::collections::BTreeMap;

const PART: &str = "bitfit_delta";

pub(super) const METHOD: Method = Method {
    name: "bitfit",
    peft_type: "SMOLDER_BITFIT",
    about: "trains biases alone: those that a model has, or one on every linear layer",
    options: &[
        OptionSpec {
            name: "biases",
            default: "\"existing\"",
            about: "existing for those that the model has, all to add them where it has none",
        },
        targets::OPTION,
    ],
    lr: 1e-2,
    rest: |_| Some(0.0),
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(Biases(Placed::load(&deltas(file, &model.config().sizes)?, model)?))),
    merge: Ok(merge),
    extras: Extras::NONE,
};

fn fresh(Fresh { options, model, base, .. }: Fresh) -> Result<PeftAdapter> {
    let Config { sizes, .. } = model.config();
    let all = match options.text("biases")? {
        "existing" => false,
        "all" => true,
        other => return Err(Error::new(Kind::Value, "`biases`", "existing or all", other)),
    };
    let mut places = targets::projections(options.text("targets")?, sizes)?;
    places.retain(|place| all || model.config().has_bias(place.projection));
    if places.is_empty() {
        let expected =
            "targets with biases, as Qwen 2 has on q_proj, k_proj and v_proj, or all, which adds them";
        return Err(Error::new(Kind::Unsupported, "`biases`", expected, "targets without"));
    }
    let zeros = |place: &Place| {
        let [outputs, _] = sizes.weight(*place)?;
        Some(tensor(*place, PART, &[outputs], vec![0.0; outputs as usize]))
    };
    let tensors = places.iter().filter_map(zeros).collect();
    let own = json!({ "target_modules": targets::names_of(&places) });
    Ok(PeftAdapter { config: config(base, METHOD.peft_type, own)?, tensors, base: None })
}

fn deltas<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<BTreeMap<Place, Found<'a>>> {
    found(&file.tensors, sizes, |site: &Site| -> Result<Expected> { Ok(vec![(PART, [1, site.shape[0]])]) })
}

/// δ of each projection, `[1, out]`.
#[derive(Debug)]
struct Biases(Placed);

impl Adapter for Biases {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        let y = linear.frozen(x);
        match self.0.part(linear.place(), PART) {
            Some(delta) => y + delta,
            None => y,
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.0.parameters()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self(self.0.with(values)))
    }
}

/// `b' = b + δ`, by Hugging Face's name.
struct Added(BTreeMap<String, Vec<f32>>);

fn merge(file: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
    let delta = |(place, found): (Place, Found)| {
        if !config.has_bias(place.projection) {
            let expected = "a bias in the base model, to become part of";
            return Err(Error::new(Kind::Unsupported, place.hf(), expected, "none"));
        }
        let values = found.into_iter().flat_map(|(.., tensor)| tensor.values.clone()).collect();
        Ok((format!("{}.bias", place.hf()), values))
    };
    let each = deltas(file, &config.sizes)?.into_iter();
    Ok(Box::new(Added(each.map(delta).collect::<Result<_>>()?)))
}

impl Merge for Added {
    fn changes_vector(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn change_vector(&self, name: &str, index: usize, value: &mut f32) {
        *value += self.0.get(name).and_then(|delta| delta.get(index)).copied().unwrap_or_default();
    }
}
