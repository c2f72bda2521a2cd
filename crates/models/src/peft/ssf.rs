//! SSF: `y = γ ⊙ (W·x + b) + β` with γ and β `[out]` trained from 1 and 0 (Lian et al. 2022, arXiv 2210.08823), on
//! projections alone. PEFT has no such method: the layout is ours, `ssf_scale` and `ssf_shift` beside each projection.

use super::placed::{Expected, Found, Placed, Site, found, tensor};
use super::{Adapter, Extras, Fresh, Merge, Method, Parameter, config, targets};
use crate::config::Config;
use crate::layers::Linear;
use futures_util::FutureExt;
use serde_json::json;
use smolder_formats::adapter::{Module, PeftAdapter};
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::Tensor;
use std::collections::BTreeMap;

const SCALE: &str = "ssf_scale";
const SHIFT: &str = "ssf_shift";

pub(super) const METHOD: Method = Method {
    name: "ssf",
    peft_type: "SMOLDER_SSF",
    about: "multiplies what layers give with a learned vector and adds another: few numbers",
    options: &[targets::OPTION],
    lr: 5e-3,
    rest: |part| Some(if part == SCALE { 1.0 } else { 0.0 }),
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(Ssf(Placed::load(&vectors(file, &model.config().sizes)?, model)?))),
    merge: Ok(merge),
    extras: Extras::NONE,
};

fn fresh(Fresh { options, model, base, .. }: Fresh) -> Result<PeftAdapter> {
    let sizes = &model.config().sizes;
    let places = targets::projections(options.text("targets")?, sizes)?;
    let both = |place: &Place| {
        let [outputs, _] = sizes.weight(*place)?;
        let vector = |part, value| tensor(*place, part, &[outputs], vec![value; outputs as usize]);
        Some([vector(SCALE, 1.0), vector(SHIFT, 0.0)])
    };
    let tensors = places.iter().filter_map(both).flatten().collect();
    let own = json!({ "target_modules": targets::names_of(&places) });
    Ok(PeftAdapter { config: config(base, METHOD.peft_type, own)?, tensors, base: None })
}

fn vectors<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<BTreeMap<Place, Found<'a>>> {
    let expected = |site: &Site| -> Result<Expected> {
        let outputs = site.shape[0];
        Ok(vec![(SCALE, [1, outputs]), (SHIFT, [1, outputs])])
    };
    found(&file.tensors, sizes, expected)
}

/// γ and β of each projection, `[1, out]`.
#[derive(Debug)]
struct Ssf(Placed);

impl Adapter for Ssf {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        let y = linear.frozen(x);
        match self.0.get(linear.place()) {
            Some([scale, shift]) => y * scale + shift,
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

/// `W' = diag(γ)·W` and `b' = γ ⊙ b + β`
struct Scaled(BTreeMap<Place, [Vec<f32>; 2]>);

fn merge(file: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
    let both = |(place, found): (Place, Found)| {
        let mut values = found.into_iter().map(|(.., tensor)| tensor.values.clone());
        let [scale, shift] = [values.next(), values.next()].map(Option::unwrap_or_default);
        if shift.iter().any(|value| *value != 0.0) && !config.has_bias(place.projection) {
            let expected = "a bias in the base model, to add the shift to";
            return Err(Error::new(Kind::Unsupported, place.hf(), expected, "none"));
        }
        Ok((place, [scale, shift]))
    };
    let each = vectors(file, &config.sizes)?.into_iter().map(both);
    Ok(Box::new(Scaled(each.collect::<Result<_>>()?)))
}

impl Scaled {
    fn of_bias(&self, name: &str) -> Option<&[Vec<f32>; 2]> {
        self.0.get(&Place::from_hf(name.strip_suffix(".bias")?)?)
    }
}

impl Merge for Scaled {
    fn changes(&self, module: Module) -> bool {
        matches!(module, Module::Projection(place) if self.0.contains_key(&place))
    }

    fn change(&self, module: Module, row: usize, weights: &mut [f32]) {
        let Module::Projection(place) = module else { return };
        let scale = self.0.get(&place).and_then(|[scale, _]| scale.get(row)).copied().unwrap_or(1.0);
        for weight in weights {
            *weight *= scale;
        }
    }

    fn changes_vector(&self, name: &str) -> bool {
        self.of_bias(name).is_some()
    }

    fn change_vector(&self, name: &str, index: usize, value: &mut f32) {
        if let Some((scale, shift)) =
            self.of_bias(name).and_then(|[a, b]| Some((a.get(index)?, b.get(index)?)))
        {
            *value = scale * *value + shift;
        }
    }
}
