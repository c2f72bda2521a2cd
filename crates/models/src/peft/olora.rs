//! `OLoRA`: a LoRA that begins as the first columns of Q and rows of R of `W = Q·R`, which it takes from the base (Büyükakyüz
//! 2024, arXiv 2406.01775).
//!
//! The first r columns of Q are those of W made orthonormal, and the first r rows of R are `Qᵀ·W`: the rest is never made.

use super::Method;
use super::factoring::{Weight, orthonormal, transposed};
use super::taken;
use crate::svd::{Factors, Products};
use futures_util::FutureExt;
use smolder_formats::Result;

const SWITCH: &str = "smolder_olora";

pub(super) const METHOD: Method = Method {
    name: "olora",
    about: "a LoRA that takes a first part of each weight, made orthogonal, out of it to learn that",
    fresh: |fresh| taken::fresh(fresh, SWITCH, factors).boxed_local(),
    ..taken::method(SWITCH)
};

async fn factors(weight: Weight<'_>, rank: usize, _: f64) -> Result<Factors> {
    let [outputs, inputs] = weight.shape();
    let first: Vec<f32> =
        (0..rank * inputs).map(|at| f32::from(u8::from(at / inputs == at % inputs))).collect();
    let mut columns = weight.forth(&first).await?;
    orthonormal(&mut columns, outputs);
    Ok([weight.back(&columns).await?, transposed(&columns, outputs)])
}
