//! The MAM adapter: a prefix for attention and parallel adapters for feed-forward blocks, both as they are alone (He et al.
//! 2022, arXiv 2110.04366).

use super::bottleneck::{self, WIDTH};
use super::parallel_adapter::{PLACES, SCALE};
use super::prefix_tuning::{self, HIDDEN, INIT, PROJECTION};
use super::prompt_tuning::{TEXT, TOKENS};
use super::{Adapter, Extras, Fresh, Method, Parameter, Sublayer};
use crate::model::Model;
use futures_util::FutureExt;
use smolder_formats::Result;
use smolder_formats::adapter::{AdapterTensor, PeftAdapter, Target};
use smolder_kernels::burn::tensor::Tensor;

const PEFT_TYPE: &str = "SMOLDER_MAM";

pub(super) const METHOD: Method = Method {
    name: "mam",
    peft_type: PEFT_TYPE,
    about: "prefix tuning and parallel adapters at once",
    options: &[TOKENS, INIT, TEXT, PROJECTION, HIDDEN, WIDTH, SCALE],
    lr: 2e-3,
    rest: |_| None,
    fresh: |fresh| self::fresh(fresh).boxed_local(),
    load: |file, model| Ok(Box::new(Mam::load(file, model)?)),
    merge: prefix_tuning::METHOD.merge,
    extras: Extras { export: |file| Ok(written(file)), ..Extras::NONE },
};

async fn fresh(fresh: Fresh<'_>) -> Result<PeftAdapter> {
    let beside = bottleneck::fresh(&fresh, &PLACES, fresh.options.number("scale", 1e-3..=1e3)?)?;
    let mut both = prefix_tuning::fresh(fresh).await?;
    both.config.raw.extend(beside.config.raw);
    both.config.raw.insert("peft_type".to_owned(), PEFT_TYPE.into());
    PEFT_TYPE.clone_into(&mut both.config.method);
    both.tensors.extend(beside.tensors);
    Ok(both)
}

/// What is the prefix's, and what the adapters'.
fn split(file: &PeftAdapter) -> [PeftAdapter; 2] {
    let of_model = |one: &AdapterTensor| one.target == Target::Model;
    let (prefix, beside) = file.tensors.iter().cloned().partition(of_model);
    [prefix, beside].map(|tensors| PeftAdapter { tensors, ..file.clone() })
}

fn written(file: &PeftAdapter) -> PeftAdapter {
    let [prefix, beside] = split(file);
    let mut written = prefix_tuning::written(&prefix);
    written.tensors.extend(beside.tensors);
    written
}

#[derive(Debug)]
struct Mam {
    prefix: Box<dyn Adapter>,
    beside: Box<dyn Adapter>,
}

impl Mam {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let [prefix, beside] = split(file);
        Ok(Self { prefix: prefix_tuning::load(&prefix, model)?, beside: bottleneck::load(&beside, model)? })
    }
}

impl Adapter for Mam {
    fn prefix(&self, layer: u32) -> Option<[Tensor<3>; 2]> {
        self.prefix.prefix(layer)
    }

    fn prefix_len(&self) -> usize {
        self.prefix.prefix_len()
    }

    fn sublayer(&self, which: Sublayer, x: &Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        self.beside.sublayer(which, x, y)
    }

    fn parameters(&self) -> Vec<Parameter> {
        [self.prefix.parameters(), self.beside.parameters()].concat()
    }

    fn with(&self, mut values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        let beside = values.split_off(self.prefix.parameters().len().min(values.len()));
        Box::new(Self { prefix: self.prefix.with(values), beside: self.beside.with(beside) })
    }
}
