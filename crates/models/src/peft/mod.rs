//! Parameter-efficient methods: each changes a frozen model where it hooks in.

mod lora;

use smolder_formats::names::Place;
use smolder_kernels::burn::tensor::Tensor;
use std::fmt::Debug;

pub use lora::Lora;

/// What a method may change. Every hook changes nothing unless a method says otherwise.
pub trait Adapter: Debug {
    /// The result `y` of the linear layer at `place` for the input `x`.
    fn linear(&self, _place: Place, _x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        y
    }
}

/// The base model as it is.
#[derive(Clone, Copy, Debug)]
pub struct Base;

impl Adapter for Base {}
