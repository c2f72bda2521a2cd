//! `PiSSA`: a LoRA that begins as the largest singular values and vectors of a weight, which it takes from the base:
//! `B = U_r·√(S_r/s)`, `A = √(S_r/s)·V_rᵀ` (Meng et al. 2024, arXiv 2404.02948).

use super::factoring::Weight;
use super::random::uniform;
use super::{Fresh, Method, taken};
use crate::svd::factors;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use smolder_formats::Result;
use smolder_formats::adapter::PeftAdapter;

const SWITCH: &str = "smolder_pissa";

pub(super) const METHOD: Method = Method {
    name: "pissa",
    about: "a LoRA that takes what is strongest in each weight out of it to learn that: quicker than from zero",
    fresh: |fresh| self::fresh(fresh).boxed_local(),
    ..taken::method(SWITCH)
};

async fn fresh(fresh: Fresh<'_>) -> Result<PeftAdapter> {
    let mut random = ChaCha8Rng::seed_from_u64(fresh.seed);
    let take = async |weight: Weight<'_>, rank: usize, scale: f64| {
        // All rounds: each vector is wanted for itself.
        factors(&weight, (rank, scale), || uniform(&mut random), None).await
    };
    taken::fresh(fresh, SWITCH, take).await
}
