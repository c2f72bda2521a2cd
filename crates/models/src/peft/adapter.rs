//! Where a method may act on a model.

use super::Adaption;
use crate::layers::{Linear, Norm};
use smolder_formats::adapter::{AdapterTensor, Target};
use smolder_kernels::burn::tensor::{Int, Tensor};
use std::fmt::Debug;

/// What a method may change. Every hook changes nothing unless a method says otherwise.
pub trait Adapter: Debug {
    /// What a linear layer makes of the input `x`.
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        linear.frozen(x)
    }

    /// What a sublayer adds to the residual stream, where it makes `y` of `x`, `[rows, width]` both.
    fn sublayer(&self, _which: Sublayer, _x: &Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        y
    }

    /// The weight that a norm has instead of its own.
    fn norm(&self, _norm: &Norm) -> Option<Tensor<1>> {
        None
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

    /// Keys, turned already, and values that attention in a layer sees before each sequence, `[tokens, key heads, head
    /// width]` both.
    fn prefix(&self, _layer: u32) -> Option<[Tensor<3>; 2]> {
        None
    }

    /// Rows of each of [`Self::prefix`].
    fn prefix_len(&self) -> usize {
        0
    }

    /// What attention in a layer sees beside the sequence and the prefix, and apart from them.
    fn adaption(&self, _layer: u32) -> Option<&Adaption> {
        None
    }

    /// Positions that are taken before a sequence's first token.
    fn lead_len(&self) -> usize {
        self.prefix_len() + self.prompt_len()
    }

    /// The same adapter for one forward pass of training and the backward pass that belongs to it, where that differs:
    /// what a method leaves out at random, `seed` decides.
    fn training(&self, _seed: u32) -> Option<Box<dyn Adapter>> {
        None
    }

    /// What training adds to the mean loss of a token, beside what the model computes.
    fn penalty(&self) -> Option<Tensor<1>> {
        None
    }

    /// The same adapter behind an update, where a method keeps something of the gradients or sets numbers itself.
    fn updated(&self, _update: &Update<'_>) -> Option<Box<dyn Adapter>> {
        None
    }

    /// Numbers that [`Self::pruned`] must see, where a step takes something out of the adapter.
    fn scores(&self, _progress: Progress) -> Option<Tensor<2>> {
        None
    }

    /// The same adapter without what its [`Self::scores`] say is of least use.
    fn pruned(&self, _scores: &[f32], _progress: Progress) -> Option<Box<dyn Adapter>> {
        None
    }

    /// What is kept from step to step beside parameters: a checkpoint holds it, and an adapter is loaded with it.
    fn memory(&self) -> Vec<Parameter> {
        Vec::new()
    }

    /// What is trained, always in the same order.
    fn parameters(&self) -> Vec<Parameter>;

    /// The same adapter with other values, in the order of [`Self::parameters`].
    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter>;
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps that the run has.
    pub steps: u64,
}

/// An update that parameters have gone through.
#[derive(Debug)]
pub struct Update<'a> {
    /// What led to it, in the order of the parameters, before clipping.
    pub gradients: &'a [Option<Tensor<2>>],
    /// What clipping multiplied that with, `[1]`.
    pub factor: Tensor<1>,
    /// Which it was.
    pub progress: Progress,
}

/// One of a block's two ways beside the residual stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sublayer {
    /// A layer's attention.
    Attention(u32),
    /// A layer's feed-forward block.
    FeedForward(u32),
}

impl Sublayer {
    /// Hugging Face's name: `model.layers.3.mlp`.
    pub fn hf(self) -> String {
        match self {
            Self::Attention(layer) => format!("model.layers.{layer}.self_attn"),
            Self::FeedForward(layer) => format!("model.layers.{layer}.mlp"),
        }
    }
}

/// A trained tensor, a vector as one row.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its key in a PEFT file.
    pub key: String,
    /// Its values.
    pub value: Tensor<2>,
}

impl Parameter {
    /// A module's.
    pub(super) fn of(target: Target, part: &str, value: &Tensor<2>) -> Self {
        let named = AdapterTensor { target, part: part.to_owned(), shape: Vec::new(), values: Vec::new() };
        Self { key: named.key(), value: value.clone() }
    }
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
