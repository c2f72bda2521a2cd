//! `MoLoRA`: several times a LoRA beside a layer, of which a router takes for each token as much as it learns,
//! `y = W·x + s·Σ gₑ·Bₑ·(Aₑ·x)` with `g = softmax(R·x)` and `s = α/r` (Zadouri et al. 2024, arXiv 2309.05444).
//!
//! PEFT has no such method: the layout is ours. Of a projection there are all Aₑ one below the other, `molora_A`
//! `[experts·r, in]`, all Bₑ side by side, `molora_B` `[out, experts·r]`, and R, `molora_router` `[experts, in]`. The Aₑ begin
//! as a LoRA's, each another, R as they do, and the Bₑ as zeros.

use super::placed::{Expected, Found, Placed, Site, found, tensor};
use super::random::spread;
use super::{Adapter, Extras, Fresh, Method, OptionSpec, Parameter, config, experts, lora, targets};
use crate::layers::Linear;
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;
use smolder_formats::Result;
use smolder_formats::adapter::PeftAdapter;
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Place;
use smolder_kernels::burn::tensor::Tensor;
use std::collections::BTreeMap;

const PARTS: [&str; 3] = ["molora_A", "molora_B", "molora_router"];
const EXPERTS: &str = "molora_experts";

pub(super) const METHOD: Method = Method {
    name: "molora",
    peft_type: "SMOLDER_MOLORA",
    about: "several LoRAs beside each layer, mixed anew for each token by a router",
    options: &[
        OptionSpec { name: "rank", default: "4", about: "width of the two matrices of each LoRA" },
        OptionSpec { default: "8", ..lora::ALPHA },
        OptionSpec { name: "experts", default: "4", about: "how many LoRAs" },
        targets::OPTION,
    ],
    lr: 1e-3,
    rest: |part| (part == PARTS[1]).then_some(0.0),
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(MoLora::load(file, model)?)),
    merge: Err("how much each LoRA counts depends on the token"),
    extras: Extras::NONE,
};

fn fresh(Fresh { options, model, seed, base, .. }: Fresh) -> Result<PeftAdapter> {
    let sizes = &model.config().sizes;
    let (rank, experts) =
        (options.integer("rank", 1..=1024)?, options.integer("experts", 1..=experts::MOST)?);
    let alpha = options.number("alpha", 1e-6..=1e6)?;
    let places = targets::projections(options.text("targets")?, sizes)?;
    let (all, mut random) = (rank * experts, ChaCha8Rng::seed_from_u64(seed));
    let three = |place: &Place| {
        let [outputs, inputs] = sizes.weight(*place)?;
        let mut drawn =
            |part, rows| tensor(*place, part, &[rows, inputs], spread(&mut random, inputs, rows * inputs));
        let (a, router) = (drawn(PARTS[0], all), drawn(PARTS[2], experts));
        let b = tensor(*place, PARTS[1], &[outputs, all], vec![0.0; (outputs * all) as usize]);
        Some([a, b, router])
    };
    let tensors = places.iter().filter_map(three).flatten().collect();
    let own =
        json!({ "alpha": alpha, "r": rank, EXPERTS: experts, "target_modules": targets::names_of(&places) });
    Ok(PeftAdapter { config: config(base, METHOD.peft_type, own)?, tensors, base: None })
}

/// A, B and R of each projection.
fn parts<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<BTreeMap<Place, Found<'a>>> {
    let experts = experts::stated(&file.config, EXPERTS)?;
    let expected = |site: &Site| -> Result<Expected> {
        let all = experts * file.config.rank(&site.place.hf())?;
        let [outputs, inputs] = site.shape;
        Ok(PARTS.into_iter().zip([[all, inputs], [outputs, all], [experts, inputs]]).collect())
    };
    found(&file.tensors, sizes, expected)
}

#[derive(Debug)]
struct MoLora(Placed);

impl MoLora {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let found = parts(file, &model.config().sizes)?;
        Ok(Self(Placed::load(&found, model)?.scaled(&file.config)?))
    }
}

/// Each row's `exp(l) / Σ exp(l)`: burn's own rounds otherwise where nothing is differentiated.
fn softmax(logits: Tensor<2>) -> Tensor<2> {
    let exp = (logits.clone() - logits.detach().max_dim(1)).exp();
    let sum = exp.clone().sum_dim(1);
    exp / sum
}

impl Adapter for MoLora {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        let y = linear.frozen(x.clone());
        let Some([a, b, router]) = self.0.get(linear.place()) else { return y };
        let ([rows, _], [all, _], [experts, _]) = (x.dims(), a.dims(), router.dims());
        // One product: of three gradients of x the order of the sum would not be the same each time.
        let both = x.matmul(Tensor::cat(vec![a, router], 0).transpose());
        let shares = softmax(both.clone().narrow(1, all, experts)) * self.0.factor(linear.place());
        let narrow = both.narrow(1, 0, all).reshape([rows, experts, all / experts]);
        let mixed = (narrow * shares.reshape([rows, experts, 1])).reshape([rows, all]);
        y + mixed.matmul(b.transpose())
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.0.parameters()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self(self.0.with(values)))
    }
}
