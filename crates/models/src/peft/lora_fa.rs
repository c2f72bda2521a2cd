//! LoRA-FA: a LoRA whose A stays as it began, so that nothing but B has a gradient and no input must be kept for it
//! (Zhang et al. 2023, arXiv 2308.03303). What is written is a LoRA.

use super::lora::{self, ALPHA, ALPHAS, DROPOUT, Lora, RANK, RANKS, RSLORA};
use super::{Method, targets};
use futures_util::FutureExt;

pub(super) const METHOD: Method = Method {
    name: "lora-fa",
    about: "a LoRA whose first matrix stays random: half the numbers to learn",
    options: &[RANK, ALPHA, RSLORA, targets::OPTION, RANKS, ALPHAS, DROPOUT],
    lr: 2e-3,
    fresh: |fresh| {
        let fresh = async move {
            // An embedding's A begins as zeros: frozen, it would learn nothing.
            targets::projections(fresh.options.text("targets")?, &fresh.model.config().sizes)?;
            Ok(lora::fresh(fresh)?.to_peft())
        };
        fresh.boxed_local()
    },
    load: |file, model| Ok(Box::new(Lora::load(file, model)?.with_frozen_a())),
    ..lora::METHOD
};
