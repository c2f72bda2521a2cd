//! QA-`LoRA`: a LoRA whose A sees only sums of blocks of x, `y = W·x + s·B·A·p` with `p_g = Σ x_j` of the `group` numbers of
//! block g and A `[rank, in/group]` (Xu et al. 2023, arXiv 2309.14717).
//!
//! So all weights that share a row and a block change by the same number, which is what the least number of a block is for
//! in formats that have one: merged into such a weight, the adapter is only rounded as that number is.
//!
//! What is written is the LoRA that it is, each column of A `group` times.

use super::placed::{Expected, Found, Placed, Site, found, tensor};
use super::random::spread;
use super::{Adapter, Extras, Fresh, Method, OptionSpec, Parameter, lora, targets};
use crate::layers::Linear;
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;
use smolder_formats::adapter::{AdapterConfig, AdapterTensor, PeftAdapter, Scale};
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::lora as low_rank;
use std::collections::BTreeMap;

const PARTS: [&str; 2] = ["lora_A.weight", "lora_B.weight"];
const SWITCH: &str = "smolder_qa_lora";
/// What a config calls the numbers of a block, and PEFT's where it does not.
const GROUP: &str = "qalora_group_size";
const BLOCK: u64 = 16;

pub(super) const METHOD: Method = Method {
    name: "qa-lora",
    about: "a LoRA on sums of blocks of its input: merged into Q4_1 weights, it loses nothing to their rounding",
    options: &[
        lora::RANK,
        lora::ALPHA,
        lora::RSLORA,
        targets::OPTION,
        OptionSpec {
            name: "group",
            default: "32",
            about: "numbers of a block, as many as the weights' blocks have",
        },
    ],
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(QaLora::load(file, model)?)),
    merge: Ok(|file, config| lora::merge(&export(file)?, config)),
    extras: Extras { switch: Some(SWITCH), export, ..Extras::NONE },
    ..lora::METHOD
};

/// As a LoRA begins: A from U(±1/√in), of the inputs that it sums up, and B zero.
fn fresh(Fresh { options, model, seed, base, .. }: Fresh) -> Result<PeftAdapter> {
    let sizes = &model.config().sizes;
    let scale = Scale {
        rank: options.integer("rank", 1..=4096)?,
        alpha: options.number("alpha", 1e-6..=1e6)?,
        by_root: options.flag("rslora")?,
    };
    let group = options.integer("group", 1..=4096)?;
    let places = targets::projections(options.text("targets")?, sizes)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut pair = |place: Place| {
        let Some([outputs, inputs]) = sizes.weight(place) else { return Ok(None) };
        if !inputs.is_multiple_of(group) {
            let expected = format!("a divisor of {inputs}, which {} has inputs", place.hf());
            return Err(Error::new(Kind::Value, "`group`", expected, group));
        }
        let blocks = inputs / group;
        let a = spread(&mut random, inputs, scale.rank * blocks);
        let b = vec![0.0; (outputs * scale.rank) as usize];
        Ok(Some([
            tensor(place, PARTS[0], &[scale.rank, blocks], a),
            tensor(place, PARTS[1], &[outputs, scale.rank], b),
        ]))
    };
    let pairs = places.iter().map(|place| pair(*place)).filter_map(Result::transpose);
    let tensors = pairs.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    let mut config = AdapterConfig::lora(base, &targets::names_of(&places), scale, 0.0);
    config.raw.insert(SWITCH.to_owned(), Value::Bool(true));
    config.raw.insert(GROUP.to_owned(), group.into());
    Ok(PeftAdapter { config, tensors, base: None })
}

fn group(config: &AdapterConfig) -> Result<u64> {
    let stated = config.raw.get(GROUP).filter(|value| !value.is_null());
    let Some(stated) = stated else { return Ok(BLOCK) };
    let found = stated.as_u64().filter(|group| (1..=65536).contains(group));
    found.ok_or_else(|| Error::new(Kind::Value, format!("`{GROUP}`"), "a number from 1 to 65536", stated))
}

/// A and B of each projection.
fn parts<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<BTreeMap<Place, Found<'a>>> {
    let group = group(&file.config)?;
    let expected = |site: &Site| -> Result<Expected> {
        let (rank, [outputs, inputs]) = (file.config.rank(&site.place.hf())?, site.shape);
        if inputs.is_multiple_of(group) {
            return Ok(PARTS.into_iter().zip([[rank, inputs / group], [outputs, rank]]).collect());
        }
        let expected = format!("a divisor of {inputs}, which {} has inputs", site.place.hf());
        Err(Error::new(Kind::Value, format!("`{GROUP}`"), expected, group))
    };
    found(&file.tensors, sizes, expected)
}

#[derive(Debug)]
struct QaLora(Placed);

impl QaLora {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let found = parts(file, &model.config().sizes)?;
        Ok(Self(Placed::load(&found, model)?.scaled(&file.config)?))
    }
}

impl Adapter for QaLora {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        let y = linear.frozen(x.clone());
        let Some([a, b]) = self.0.get(linear.place()) else { return y };
        let ([rows, inputs], blocks) = (x.dims(), a.dims()[1]);
        let sums = x.reshape([rows, blocks, inputs / blocks]).sum_dim(2).reshape([rows, blocks]);
        low_rank(sums, a, b, y, self.0.factor(linear.place()))
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.0.parameters()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self(self.0.with(values)))
    }
}

/// The LoRA with a number of A for each input.
fn export(file: &PeftAdapter) -> Result<PeftAdapter> {
    let group = group(&file.config)?;
    let whole = |tensor: &AdapterTensor| {
        let mut whole = tensor.clone();
        if tensor.part == PARTS[0] {
            whole.shape.iter_mut().skip(1).for_each(|columns| *columns *= group);
            let each = tensor.values.iter().flat_map(|value| std::iter::repeat_n(*value, group as usize));
            whole.values = each.collect();
        }
        whole
    };
    let mut written = PeftAdapter { tensors: file.tensors.iter().map(whole).collect(), ..file.clone() };
    written.config.raw.remove(SWITCH);
    written.config.raw.insert(GROUP.to_owned(), BLOCK.into());
    Ok(written)
}
