//! Parallel adapters: `y + s·(U·σ(D·x + b) + c)` beside the feed-forward block of each layer, which makes y of x
//! (He et al. 2022, arXiv 2110.04366).

use super::bottleneck::{self, Places};
use super::{Extras, Method, OptionSpec, Sublayer};
use futures_util::FutureExt;

pub(super) const PLACES: Places = Places {
    peft_type: "SMOLDER_PARALLEL_ADAPTER",
    of: |layer| vec![Sublayer::FeedForward(layer)],
    beside: true,
};

pub(super) const SCALE: OptionSpec =
    OptionSpec { name: "scale", default: "4", about: "what the adapter's result is multiplied with" };

pub(super) const METHOD: Method = Method {
    name: "parallel-adapter",
    peft_type: PLACES.peft_type,
    about: "puts a small network beside the feed-forward block of each layer, which reads what that reads",
    options: &[bottleneck::WIDTH, SCALE],
    lr: 1e-3,
    rest: bottleneck::rest,
    fresh: |fresh| {
        async move { bottleneck::fresh(&fresh, &PLACES, fresh.options.number("scale", 1e-3..=1e3)?) }
            .boxed_local()
    },
    load: bottleneck::load,
    merge: Err(bottleneck::NO_WEIGHT),
    extras: Extras::NONE,
};
