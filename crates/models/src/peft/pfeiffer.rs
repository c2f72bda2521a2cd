//! Pfeiffer's adapters: `y + U·σ(D·y + b) + c` behind the feed-forward block of each layer
//! (Pfeiffer et al. 2021, arXiv 2005.00247).

use super::bottleneck::{self, Places};
use super::{Extras, Method, Sublayer};
use futures_util::FutureExt;

const PLACES: Places =
    Places { peft_type: "SMOLDER_PFEIFFER", of: |layer| vec![Sublayer::FeedForward(layer)], beside: false };

pub(super) const METHOD: Method = Method {
    name: "pfeiffer",
    peft_type: PLACES.peft_type,
    about: "puts a small network behind the feed-forward block of each layer",
    options: &[bottleneck::WIDTH],
    lr: 1e-3,
    rest: bottleneck::rest,
    fresh: |fresh| async move { bottleneck::fresh(&fresh, &PLACES, 1.0) }.boxed_local(),
    load: bottleneck::load,
    merge: Err(bottleneck::NO_WEIGHT),
    extras: Extras::NONE,
};
