//! Houlsby's adapters: `y + U·σ(D·y + b) + c` behind attention and behind the feed-forward block of each layer
//! (Houlsby et al. 2019, arXiv 1902.00751).

use super::bottleneck::{self, Places};
use super::{Extras, Method, Sublayer};
use futures_util::FutureExt;

const PLACES: Places = Places {
    peft_type: "SMOLDER_HOULSBY",
    of: |layer| vec![Sublayer::Attention(layer), Sublayer::FeedForward(layer)],
    beside: false,
};

pub(super) const METHOD: Method = Method {
    name: "houlsby",
    peft_type: PLACES.peft_type,
    about: "puts a small network behind attention and behind the feed-forward block of each layer",
    options: &[bottleneck::WIDTH],
    lr: 1e-3,
    rest: bottleneck::rest,
    fresh: |fresh| async move { bottleneck::fresh(&fresh, &PLACES, 1.0) }.boxed_local(),
    load: bottleneck::load,
    merge: Err(bottleneck::NO_WEIGHT),
    extras: Extras::NONE,
};
