//! `DyLoRA`: a LoRA of which each pass of training takes the first k rows of A and columns of B, k drawn from 1 to the rank, so
//! that each of them is of use without those behind it (Valipour et al. 2023, arXiv 2210.07558): `y = W·x + α/k·B_k·A_k·x`.
//! What is written is a LoRA of the whole rank.

use super::Method;
use super::lora::{self, ALPHA, ALPHAS, DROPOUT, Lora, RANK, RANKS};

pub(super) const METHOD: Method = Method {
    name: "dylora",
    about: "a LoRA that learns with a rank drawn anew each pass: what comes first in it counts most",
    options: &[RANK, ALPHA, lora::TARGETS, RANKS, ALPHAS, DROPOUT],
    load: |file, model| Ok(Box::new(Lora::load(file, model)?.with_drawn_rank())),
    ..lora::METHOD
};
