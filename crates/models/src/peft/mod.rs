//! Parameter-efficient methods: each changes a frozen model where it hooks in.
//!
//! A method is a file and a line of [`METHODS`]. It turns its options into a fresh adapter in PEFT's form, and PEFT's
//! form into an adapter on a device; training, saving, resuming and continuing all go through these two.

mod lora;
mod options;
mod prompt_tuning;
mod random;

use crate::model::Model;
use futures_util::future::LocalBoxFuture;
use smolder_formats::adapter::{AdapterTensor, Module, PeftAdapter};
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::{Int, Tensor, TensorData};
use std::fmt::Debug;

pub use options::{OptionSpec, Options};

/// Every method.
pub const METHODS: [&Method; 2] = [&lora::METHOD, &prompt_tuning::METHOD];

/// A method as people choose it.
#[derive(Debug)]
pub struct Method {
    /// What people call it: `lora`.
    pub name: &'static str,
    /// `peft_type` in `adapter_config.json`.
    pub peft_type: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// Its settings.
    pub options: &'static [OptionSpec],
    /// The learning rate to begin with.
    pub lr: f64,
    /// Whether an adapter's numbers are such that it changes nothing.
    pub idle: fn(&PeftAdapter) -> bool,
    /// A fresh adapter for a model: config and initial tensors.
    pub(crate) fresh: for<'a> fn(Fresh<'a>) -> LocalBoxFuture<'a, Result<PeftAdapter>>,
    /// An adapter's tensors on the model's device, checked against the model.
    pub(crate) load: fn(&PeftAdapter, &Model) -> Result<Box<dyn Adapter>>,
    /// What the adapter makes of a model's weights, or why it cannot become part of them.
    pub(crate) merge: std::result::Result<Merger, &'static str>,
}

type Merger = fn(&PeftAdapter, &ModelConfig) -> Result<Box<dyn Merge>>;

/// What an adapter makes of weights, row by row.
pub(crate) trait Merge {
    /// Whether a module's weight becomes another.
    fn changes(&self, module: Module) -> bool;

    /// Changes row `row`, in Hugging Face's order, of a module's weight.
    fn change(&self, module: Module, row: usize, weights: &mut [f32]);
}

/// What a fresh adapter is made of.
#[derive(Clone, Copy)]
pub struct Fresh<'a> {
    /// The method's settings.
    pub options: &'a Options,
    /// The base.
    pub model: &'a Model,
    /// Decides every random number.
    pub seed: u64,
    /// Tokens of a text, for methods that begin with one.
    pub encode: &'a dyn Fn(&str) -> Vec<u32>,
    /// What the base is called in `adapter_config.json`.
    pub base: &'a str,
}

impl Method {
    /// The method called so.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] naming those there are.
    pub fn find(name: &str) -> Result<&'static Self> {
        METHODS.into_iter().find(|method| method.name == name).ok_or_else(|| {
            let known = METHODS.map(|method| method.name).join(", ");
            Error::new(Kind::Unsupported, "method", format!("one of {known}"), name)
        })
    }

    /// The method of an adapter.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for one that is not in [`METHODS`].
    pub fn of(adapter: &PeftAdapter) -> Result<&'static Self> {
        let name = &adapter.config.method;
        METHODS.into_iter().find(|method| method.peft_type == *name).ok_or_else(|| {
            let known = METHODS.map(|method| method.peft_type).join(", ");
            Error::new(Kind::Unsupported, "`peft_type`", format!("one of {known}"), name)
        })
    }

    /// What an adapter makes of a model's weights.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] where it cannot become part of them; [`Kind::Missing`] or [`Kind::Shape`] where it does not
    /// fit the model.
    pub(crate) fn merge(&self, adapter: &PeftAdapter, sizes: &ModelConfig) -> Result<Box<dyn Merge>> {
        let merger = self.merge.map_err(|reason| {
            let found = format!("{}: {reason}", self.peft_type);
            Error::new(Kind::Unsupported, "`peft_type`", "a method that changes weights", found)
        })?;
        merger(adapter, sizes)
    }

    /// A fresh adapter, in the form that [`load`] takes.
    ///
    /// # Errors
    /// [`Kind::Value`] or [`Kind::Type`] for an option that is out of range; [`Kind::Missing`] for a target that the
    /// model does not have.
    pub async fn fresh(&self, fresh: Fresh<'_>) -> Result<PeftAdapter> {
        (self.fresh)(fresh).await
    }
}

/// An adapter on the model's device.
///
/// # Errors
/// [`Kind::Unsupported`] for a method that is not in [`METHODS`]; [`Kind::Missing`] or [`Kind::Shape`] where the tensors
/// do not fit the model.
pub fn load(file: &PeftAdapter, model: &Model) -> Result<Box<dyn Adapter>> {
    (Method::of(file)?.load)(file, model)
}

/// The same LoRA with another share of its change: B becomes `strength`·B.
///
/// # Errors
/// [`Kind::Unsupported`] for an adapter that has no B.
pub fn with_strength(mut file: PeftAdapter, strength: f32) -> Result<PeftAdapter> {
    let (mut b, method) =
        (file.tensors.iter_mut().filter(|one| lora::is_b(&one.part)).peekable(), &file.config.method);
    if b.peek().is_none() {
        return Err(Error::new(Kind::Unsupported, "strength", "an adapter with a matrix B", method));
    }
    b.flat_map(|one| &mut one.values).for_each(|value| *value *= strength);
    Ok(file)
}

/// What a method may change. Every hook changes nothing unless a method says otherwise.
pub trait Adapter: Debug {
    /// The result `y` of the linear layer at `place` for the input `x`.
    fn linear(&self, _place: Place, _x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        y
    }

    /// What the embeddings of `ids` become more, `[ids, width]`, before they are scaled.
    fn embedding(&self, _ids: &Tensor<1, Int>) -> Option<Tensor<2>> {
        None
    }

    /// What the logits of normalised rows `x` become more, `[rows, vocabulary]`. Where `x` is a part of a batch's rows,
    /// it begins at row `first` of them.
    fn head(&self, _x: &Tensor<2>, _first: usize) -> Option<Tensor<2>> {
        None
    }

    /// Whether [`Self::head`] adds anything.
    fn changes_head(&self) -> bool {
        false
    }

    /// Whether what goes into the first block depends on parameters.
    fn changes_input(&self) -> bool {
        self.prompt().is_some()
    }

    /// Virtual tokens before each sequence, `[tokens, width]`.
    fn prompt(&self) -> Option<Tensor<2>> {
        None
    }

    /// Rows of [`Self::prompt`].
    fn prompt_len(&self) -> usize {
        self.prompt().map_or(0, |prompt| prompt.dims()[0])
    }

    /// The same adapter for one forward pass of training and the backward pass that belongs to it, where that differs:
    /// what a method leaves out at random, `seed` decides.
    fn training(&self, _seed: u32) -> Option<Box<dyn Adapter>> {
        None
    }

    /// What is trained, always in the same order.
    fn parameters(&self) -> Vec<Parameter>;

    /// The same adapter with other values, in the order of [`Self::parameters`].
    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter>;
}

/// A trained tensor, a vector as one row.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its key in a PEFT file.
    pub key: String,
    /// Its values.
    pub value: Tensor<2>,
}

/// The base model as it is.
#[derive(Clone, Copy, Debug)]
pub struct Base;

impl Adapter for Base {
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }

    fn with(&self, _: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self)
    }
}

/// A file's tensor as a matrix on the model's device.
fn matrix(tensor: &AdapterTensor, model: &Model) -> Result<Tensor<2>> {
    let shape = match tensor.shape.as_slice() {
        [rows, cols] => [*rows as usize, *cols as usize],
        other => {
            let found = format!("{other:?}");
            return Err(Error::new(
                Kind::Shape,
                format!("tensor `{}`", tensor.key()),
                "two dimensions",
                found,
            ));
        }
    };
    Ok(Tensor::from_data(TensorData::new(tensor.values.clone(), shape), model.device()))
}
