//! `MiSS`: `y = W·x + Dᵀ·Σ_j x_j`, the input cut into blocks `x_j` of `rank` numbers, the last filled up with zeros; D
//! `[rank, out]` begins as zeros (Kang & Yin 2025, arXiv 2409.15371). Every `rank`-th column of W is changed by one vector.
//!
//! It is a LoRA whose A sums the blocks up and is never trained. The variants `bat` and `mini` are refused.

use super::placed::{Expected, Found, Placed, Rows, Site, found, tensor};
use super::{Adapter, Extras, Fresh, Merge, Method, OptionSpec, Parameter, config, targets};
use crate::config::Config;
use crate::layers::Linear;
use crate::model::Model;
use futures_util::FutureExt;
use serde_json::{Value, json};
use smolder_formats::adapter::PeftAdapter;
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::{Tensor, TensorData};
use smolder_kernels::lora;
use std::collections::BTreeMap;
use std::rc::Rc;

const PART: &str = "miss_block";

pub(super) const METHOD: Method = Method {
    name: "miss",
    peft_type: "MISS",
    about: "a LoRA whose first matrix only sums blocks of the input up: half the numbers, one matrix to learn",
    options: &[OptionSpec { name: "rank", default: "16", about: "numbers of a block" }, targets::OPTION],
    lr: 1e-3,
    rest: |_| Some(0.0),
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(Miss::load(file, model)?)),
    merge: Ok(merge),
    extras: Extras::NONE,
};

fn fresh(Fresh { options, model, base, .. }: Fresh) -> Result<PeftAdapter> {
    let sizes = &model.config().sizes;
    let places = targets::projections(options.text("targets")?, sizes)?;
    let fewest = places.iter().filter_map(|place| Some(sizes.weight(*place)?[1])).min().unwrap_or(1);
    let rank = options.integer("rank", 1..=fewest)?;
    let zeros = |place: &Place| {
        let [outputs, _] = sizes.weight(*place)?;
        Some(tensor(*place, PART, &[rank, outputs], vec![0.0; (rank * outputs) as usize]))
    };
    let tensors = places.iter().filter_map(zeros).collect();
    let own = json!({
        "bias": "none", "exclude_modules": null, "init_weights": true, "layers_pattern": null,
        "layers_to_transform": null, "mini_r": 1, "miss_dropout": 0.0, "r": rank,
        "target_modules": targets::names_of(&places),
    });
    Ok(PeftAdapter { config: config(base, "MISS", own)?, tensors, base: None })
}

fn blocks<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<BTreeMap<Place, Found<'a>>> {
    let kind = file.config.raw.get("init_weights").unwrap_or(&Value::Null);
    if kind.is_string() {
        return Err(Error::new(Kind::Unsupported, "`init_weights`", "true or false", kind));
    }
    let expected = |site: &Site| -> Result<Expected> {
        let (value, most) = (file.config.raw.get("r").unwrap_or(&Value::Null), site.shape[1]);
        let rank = value.as_u64().filter(|rank| (1..=most).contains(rank));
        let refused = || Error::new(Kind::Value, "`r`", format!("a rank from 1 to {most}"), value);
        Ok(vec![(PART, [rank.ok_or_else(refused)?, site.shape[0]])])
    };
    found(&file.tensors, sizes, expected)
}

#[derive(Debug)]
struct Miss {
    /// `[rank, out]`
    blocks: Placed,
    /// For each number of inputs the matrix that sums blocks up, `[rank, in]`.
    sums: Rc<BTreeMap<usize, Tensor<2>>>,
}

impl Miss {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let sizes = &model.config().sizes;
        let found = blocks(file, sizes)?;
        let mut sums = BTreeMap::new();
        for (place, found) in &found {
            let (Some([_, inputs]), [(_, [rank, _], _)]) = (sizes.weight(*place), found.as_slice()) else {
                continue;
            };
            let (inputs, rank) = (inputs as usize, *rank as usize);
            let ones = || {
                let values = (0..rank)
                    .flat_map(|row| (0..inputs).map(move |at| f32::from(u8::from(at % rank == row))));
                Tensor::from_data(TensorData::new(values.collect(), [rank, inputs]), model.device())
            };
            sums.entry(inputs).or_insert_with(ones);
        }
        Ok(Self { blocks: Placed::load(&found, model)?, sums: Rc::new(sums) })
    }
}

impl Adapter for Miss {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        let y = linear.frozen(x.clone());
        let (block, sums) = (self.blocks.part(linear.place(), PART), self.sums.get(&x.dims()[1]));
        let (Some(block), Some(sums)) = (block, sums) else { return y };
        lora(x, sums.clone(), block.transpose(), y, 1.0)
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.blocks.parameters()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self { blocks: self.blocks.with(values), sums: Rc::clone(&self.sums) })
    }
}

/// `W'[o, i] = W[o, i] + D[i mod rank, o]`
fn merge(file: &PeftAdapter, config: &Config) -> Result<Box<dyn Merge>> {
    let column = |found: Found| {
        found.into_iter().next().map(|(_, [_, outputs], block)| (outputs, block.values.clone()))
    };
    let each = blocks(file, &config.sizes)?.into_iter();
    let each = each.filter_map(|(place, found)| Some((place, column(found)?))).collect();
    let change = |(outputs, block): &(u64, Vec<f32>), row: usize, weights: &mut [f32]| {
        let column: Vec<f32> = block.iter().skip(row).step_by(*outputs as usize).copied().collect();
        weights.iter_mut().zip(column.iter().cycle()).for_each(|(weight, d)| *weight += d);
    };
    Ok(Box::new(Rows { each, adds: true, change }))
}
