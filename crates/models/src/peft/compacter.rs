//! Compacter: adapters as [Houlsby's](super::houlsby) of which both matrices are sums of Kronecker products,
//! `y + U·σ(D·y + b) + c` with `D = Σ Aᵢ ⊗ sᵢ·tᵢᵀ` over n, and U likewise (Karimi Mahabadi et al. 2021, arXiv 2106.04647), and
//! with `σ(x) = x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`, the GELU that the paper's code has.
//! The Aᵢ, n of `[n, n]`, are those of all adapters together; each has vectors s and t of its own for either matrix.
//!
//! Neither matrix is made. With x in n parts q and a result in n parts p,
//! `(D·x)_pu = Σᵢ sᵢ_u·Σ_q Aᵢ_pq·Σ_v tᵢ_v·x_qv`: three products with what is small.
//!
//! PEFT has no such method: the layout is ours. The vectors s of U and c begin as zeros.

use super::beside::{beside, target, tensor};
use super::placed::{dims, fits, whole};
use super::random::spread;
use super::{Adapter, Extras, Fresh, Method, OptionSpec, Parameter, Sublayer, bottleneck, config, on_device};
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;
use smolder_formats::adapter::{AdapterTensor, PeftAdapter, Target};
use smolder_formats::model::ModelConfig;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::burn::tensor::activation::sigmoid;
use std::collections::BTreeMap;

/// All Aᵢ, `[n, n·n]`.
const RULE: &str = "compacter_rule";
/// s `[n, width of the adapter/n]`, t `[n, width/n]` and b of D; s `[n, width/n]`, t `[n, width of the adapter/n]` and c of U.
const PARTS: [&str; 6] = [
    "compacter_down.s",
    "compacter_down.t",
    "compacter_down.bias",
    "compacter_up.s",
    "compacter_up.t",
    "compacter_up.bias",
];

pub(super) const METHOD: Method = Method {
    name: "compacter",
    peft_type: "SMOLDER_COMPACTER",
    about: "adapters behind attention and feed-forward blocks, of Kronecker products that they share: few numbers",
    options: &[
        bottleneck::WIDTH,
        OptionSpec { name: "factors", default: "4", about: "into how many parts the widths are divided" },
    ],
    lr: 5e-3,
    rest: |part| [PARTS[3], PARTS[5]].contains(&part).then_some(0.0),
    fresh: |fresh| async move { self::fresh(fresh) }.boxed_local(),
    load: |file, model| Ok(Box::new(Compacter::load(file, model)?)),
    merge: Err(bottleneck::NO_WEIGHT),
    extras: Extras::NONE,
};

/// A, s of D and t of U from U(±1/√n), t of D and b from U(±1/√inputs); s of U and c zero.
fn fresh(Fresh { options, model, seed, base, .. }: Fresh) -> Result<PeftAdapter> {
    let sizes = &model.config().sizes;
    let (narrow, n) = (options.integer("width", 1..=65536)?, options.integer("factors", 1..=64)?);
    for (what, width) in [("`width`", narrow), ("the base's width", sizes.width)] {
        if !width.is_multiple_of(n) {
            let expected = format!("a divisor of {what}, which is {width}");
            return Err(Error::new(Kind::Value, "`factors`", expected, n));
        }
    }
    let (wide, mut random) = (sizes.width, ChaCha8Rng::seed_from_u64(seed));
    let rule = whole(RULE, &[n, n * n], spread(&mut random, n, n * n * n));
    let mut six = |sublayer: Sublayer| {
        let [down_s, up_t] = [narrow; 2].map(|count| spread(&mut random, n, count));
        let [down_t, bias] = [wide, narrow].map(|count| spread(&mut random, wide, count));
        let zeros = || vec![0.0; wide as usize];
        let shapes = [
            vec![n, narrow / n],
            vec![n, wide / n],
            vec![narrow],
            vec![n, wide / n],
            vec![n, narrow / n],
            vec![wide],
        ];
        let values = [down_s, down_t, bias, zeros(), up_t, zeros()];
        let each = PARTS.into_iter().zip(shapes).zip(values);
        each.map(|((part, shape), values)| tensor(sublayer, part, &shape, values)).collect::<Vec<_>>()
    };
    let both = |layer| [Sublayer::Attention(layer), Sublayer::FeedForward(layer)];
    let tensors = (0..sizes.layers as u32).flat_map(both).flat_map(&mut six);
    let tensors = [rule].into_iter().chain(tensors).collect();
    let own = json!({ "bottleneck_width": narrow, "compacter_factors": n });
    Ok(PeftAdapter { config: config(base, METHOD.peft_type, own)?, tensors, base: None })
}

/// A sublayer's tensors, and the shapes that they must have.
type Six<'a> = [(&'a AdapterTensor, [u64; 2]); 6];

/// All Aᵢ, n, and each sublayer's six tensors.
type Parts<'a> = (&'a AdapterTensor, u64, BTreeMap<Sublayer, Six<'a>>);

fn parts<'a>(file: &'a PeftAdapter, sizes: &ModelConfig) -> Result<Parts<'a>> {
    let (shared, own): (Vec<_>, Vec<_>) = file.tensors.iter().partition(|one| one.target == Target::Model);
    let rule = shared.into_iter().find(|one| one.part == RULE);
    let rule = rule.ok_or_else(|| Error::new(Kind::Missing, "adapter", RULE, "none"))?;
    let [n, _] = dims(rule)?;
    fits(rule, [n, n * n])?;
    if !sizes.width.is_multiple_of(n) {
        let expected = format!("a divisor of the base's width, which is {}", sizes.width);
        return Err(Error::new(Kind::Shape, format!("tensor `{RULE}`"), expected, n));
    }
    let six = |(sublayer, found): (Sublayer, [&'a AdapterTensor; 6])| {
        let ([_, part], wide) = (dims(found[0])?, sizes.width);
        let (small, large) = ([n, part], [n, wide / n]);
        let shapes = [small, large, [1, n * part], large, small, [1, wide]];
        found.iter().zip(shapes).try_for_each(|(tensor, shape)| fits(tensor, shape))?;
        Ok((sublayer, std::array::from_fn(|at| (found[at], shapes[at]))))
    };
    let each = beside(own, sizes, PARTS)?.into_iter().map(six).collect::<Result<_>>()?;
    Ok((rule, n, each))
}

#[derive(Debug)]
struct Compacter {
    rule: Tensor<2>,
    each: BTreeMap<Sublayer, Vec<Tensor<2>>>,
}

impl Compacter {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let (rule, n, each) = parts(file, &model.config().sizes)?;
        let load = |(sublayer, six): (Sublayer, Six)| {
            let tensors = six.iter().map(|(tensor, shape)| on_device(tensor, *shape, model));
            Ok((sublayer, tensors.collect::<Result<_>>()?))
        };
        let each = each.into_iter().map(load).collect::<Result<_>>()?;
        Ok(Self { rule: on_device(rule, [n, n * n], model)?, each })
    }

    /// What takes the numbers of part q for i to those of part p for i, `[n·n, n·n]`: entry pq of Aᵢ, and 0 from one i to another.
    fn mixing(&self) -> Tensor<2> {
        let n = self.rule.dims()[0];
        let same = Tensor::<2>::eye(n, &self.rule.device()).reshape([1, n, 1, n]);
        let by_input = self.rule.clone().reshape([n, n, n]).permute([2, 0, 1]).reshape([n, n, n, 1]);
        (by_input * same).reshape([n * n, n * n])
    }
}

/// `(Σ Aᵢ ⊗ sᵢ·tᵢᵀ)·x`
fn product(x: Tensor<2>, mixing: &Tensor<2>, s: &Tensor<2>, t: &Tensor<2>) -> Tensor<2> {
    let ([rows, _], [n, inputs], outputs) = (x.dims(), t.dims(), s.dims()[1]);
    let by_part = x.reshape([rows * n, inputs]).matmul(t.clone().transpose());
    let mixed = by_part.reshape([rows, n * n]).matmul(mixing.clone());
    mixed.reshape([rows * n, n]).matmul(s.clone()).reshape([rows, n * outputs])
}

/// `1 + tanh(z)` is `2/(1 + e^(−2z))`, which stays finite where a device's tanh does not.
fn gelu(x: Tensor<2>) -> Tensor<2> {
    let cube = x.clone() * x.clone() * x.clone();
    let inner = (x.clone() + cube * 0.044_715) * (8.0 / std::f32::consts::PI).sqrt();
    x * sigmoid(inner)
}

impl Adapter for Compacter {
    fn sublayer(&self, which: Sublayer, _: &Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        let Some([down_s, down_t, bias, up_s, up_t, shift]) = self.each.get(&which).map(Vec::as_slice) else {
            return y;
        };
        let mixing = self.mixing();
        let narrow = gelu(product(y.clone(), &mixing, down_s, down_t) + bias.clone());
        y + product(narrow, &mixing, up_s, up_t) + shift.clone()
    }

    fn parameters(&self) -> Vec<Parameter> {
        let named = |(sublayer, six): (&Sublayer, &Vec<Tensor<2>>)| {
            let of = |(part, value)| Parameter::of(target(*sublayer), part, value);
            PARTS.into_iter().zip(six).map(of).collect::<Vec<_>>()
        };
        let rule = Parameter::of(Target::Model, RULE, &self.rule);
        [rule].into_iter().chain(self.each.iter().flat_map(named)).collect()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        let mut values = values.into_iter();
        let rule = values.next().unwrap_or_else(|| self.rule.clone());
        let each = self.each.keys().map(|sublayer| (*sublayer, values.by_ref().take(PARTS.len()).collect()));
        Box::new(Self { rule, each: each.collect() })
    }
}
