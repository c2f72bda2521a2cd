//! Sparse changes of weights: some entries of each become other numbers, `y_r + Σ v·x_c` over the entries (r, c) of row r.
//!
//! PEFT has no such methods: the layout is ours. Of a projection with k such entries there are `sparse_rows` and
//! `sparse_columns`, which they are, and `sparse_values`, what is added to them, `[k]` all. Which entries these are never changes.

use super::placed::{Expected, Found, Placed, Rows, Site, found, tensor};
use super::{Adapter, Fresh, Merge, Parameter, config, targets};
use crate::config::Config;
use crate::layers::Linear;
use crate::model::Model;
use serde_json::json;
use smolder_formats::adapter::{AdapterTensor, PeftAdapter};
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::Matrix;
use smolder_kernels::burn::tensor::{DType, IndexingUpdateOp, Int, Tensor, TensorData};
use std::collections::BTreeMap;

const PARTS: [&str; 3] = ["sparse_rows", "sparse_columns", "sparse_values"];

/// Changes of 0 change nothing.
pub(super) fn rest(part: &str) -> Option<f32> {
    (part == PARTS[2]).then_some(0.0)
}

/// An adapter that changes nothing yet, of the entries that `pick` names of each weight `[out, in]`, counted row by row.
pub(super) async fn fresh(
    fresh: Fresh<'_>,
    peft_type: &str,
    mut pick: impl AsyncFnMut(Place, &Matrix) -> Result<Vec<usize>>,
) -> Result<PeftAdapter> {
    let Fresh { options, model, base, .. } = fresh;
    let places = targets::projections(options.text("targets")?, &model.config().sizes)?;
    let mut tensors = Vec::new();
    for place in places.iter().copied() {
        let missing = || Error::new(Kind::Missing, place.hf(), "a projection of the base model", "none");
        let weight = &model.linear(place).ok_or_else(missing)?.weight;
        let (picked, columns) = (pick(place, weight).await?, weight.cols());
        let (count, numbers) = ([picked.len() as u64], |of: fn(usize, usize) -> usize| {
            picked.iter().map(|at| of(*at, columns) as f32).collect::<Vec<_>>()
        });
        tensors.push(tensor(place, PARTS[0], &count, numbers(|at, columns| at / columns)));
        tensors.push(tensor(place, PARTS[1], &count, numbers(|at, columns| at % columns)));
        tensors.push(tensor(place, PARTS[2], &count, vec![0.0; picked.len()]));
    }
    let own = json!({ "target_modules": targets::names_of(&places) });
    Ok(PeftAdapter { config: config(base, peft_type, own)?, tensors, base: None })
}

/// Each projection's tensors, checked to name entries of its weight.
fn parts<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<BTreeMap<Place, Found<'a>>> {
    let mut counts = BTreeMap::new();
    for one in file.tensors.iter().filter(|one| one.part == PARTS[2]) {
        counts.insert(one.key(), one.values.len() as u64);
    }
    let expected = |site: &Site| -> Result<Expected> {
        let key = tensor(site.place, PARTS[2], &[], Vec::new()).key();
        let missing = || Error::new(Kind::Missing, site.place.hf(), PARTS[2], "none");
        let count = counts.get(&key).copied().filter(|count| *count > 0).ok_or_else(missing)?;
        Ok(PARTS.into_iter().map(|part| (part, [1, count])).collect())
    };
    let found = found(&file.tensors, sizes, expected)?;
    for (place, parts) in &found {
        let shape = sizes.weight(*place).unwrap_or_default();
        parts.iter().zip(shape).try_for_each(|((.., tensor), most)| indices(tensor, most).map(drop))?;
    }
    Ok(found)
}

/// Whole numbers below `most`.
fn indices(tensor: &AdapterTensor, most: u64) -> Result<Vec<u32>> {
    let whole = |value: &f32| {
        let fits = value.fract() == 0.0 && *value >= 0.0 && f64::from(*value) < most as f64;
        let refused = || {
            let expected = format!("whole numbers below {most}");
            Error::new(Kind::Value, format!("tensor `{}`", tensor.key()), expected, value)
        };
        fits.then_some(*value as u32).ok_or_else(refused)
    };
    tensor.values.iter().map(whole).collect()
}

/// Rows and columns of the entries that change.
type Entries = [Tensor<1, Int>; 2];

#[derive(Debug)]
struct Sparse {
    entries: BTreeMap<Place, Entries>,
    values: Placed,
}

pub(super) fn load(file: &PeftAdapter, model: &Model) -> Result<Box<dyn Adapter>> {
    let found = parts(file, &model.config().sizes)?;
    let on_device = |tensor: &AdapterTensor, most| {
        let numbers: Vec<i32> = indices(tensor, most)?.into_iter().map(u32::cast_signed).collect();
        let data = TensorData::new(numbers, [tensor.values.len()]);
        Ok::<_, Error>(Tensor::<1, Int>::from_data(data, (model.device(), DType::I32)))
    };
    let (mut entries, mut values) = (BTreeMap::new(), BTreeMap::new());
    for (place, parts) in found {
        let [(.., rows), (.., columns), last] = parts.as_slice() else { continue };
        let [outputs, inputs] = model.config().sizes.weight(place).unwrap_or_default();
        entries.insert(place, [on_device(rows, outputs)?, on_device(columns, inputs)?]);
        values.insert(place, vec![*last]);
    }
    Ok(Box::new(Sparse { entries, values: Placed::load(&values, model)? }))
}

impl Adapter for Sparse {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        let y = linear.frozen(x.clone());
        let entries = self.entries.get(&linear.place()).zip(self.values.get(linear.place()));
        let Some(([rows, columns], [values])) = entries else { return y };
        let changes = x.select(1, columns.clone()) * values;
        y.select_assign(1, rows.clone(), changes, IndexingUpdateOp::Add)
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.values.parameters()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self { entries: self.entries.clone(), values: self.values.with(values) })
    }
}

/// Of each row that changes, columns and what is added.
type ByRow = BTreeMap<usize, Vec<(usize, f32)>>;

pub(super) fn merge(file: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
    let by_row = |(place, parts): (Place, Found)| {
        let [(.., rows), (.., columns), (.., values)] = parts.as_slice() else { return None };
        let mut by_row = ByRow::new();
        for ((row, column), value) in rows.values.iter().zip(&columns.values).zip(&values.values) {
            by_row.entry(*row as usize).or_default().push((*column as usize, *value));
        }
        Some((place, by_row))
    };
    let each = parts(file, &config.sizes)?.into_iter().filter_map(by_row).collect();
    let change = |by_row: &ByRow, row: usize, weights: &mut [f32]| {
        for (column, value) in by_row.get(&row).into_iter().flatten() {
            weights.iter_mut().skip(*column).take(1).for_each(|weight| *weight += value);
        }
    };
    Ok(Box::new(Rows { each, adds: true, change }))
}
