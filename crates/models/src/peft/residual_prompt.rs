//! Residual prompt tuning: virtual tokens P that a small network adds to, `P + g ⊙ norm(W₂·σ(W₁·P + b₁) + b₂) + c` with σ the
//! positive part and each row brought to mean 0 and variance 1 (Razdaibiedina et al. 2023, arXiv 2305.03937).
//!
//! What is written is the sum, a prompt as prompt tuning's.

use super::network::{layer, layer_of};
use super::placed::{dims, fits, whole};
use super::random::spread;
use super::{Adapter, Extras, Fresh, Method, OptionSpec, Parameter, on_device, prompt_tuning};
use crate::model::Model;
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;
use smolder_formats::adapter::{AdapterTensor, PeftAdapter};
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::Tensor;
use smolder_kernels::burn::tensor::activation::relu;

/// P, W₁, b₁, W₂, b₂, g and c.
const PARTS: [&str; 7] = [
    prompt_tuning::KEY,
    "residual_prompt.0.weight",
    "residual_prompt.0.bias",
    "residual_prompt.2.weight",
    "residual_prompt.2.bias",
    "residual_prompt.norm.weight",
    "residual_prompt.norm.bias",
];
const SWITCH: &str = "smolder_residual_prompt";
/// Keeps a row of one number finite, as PyTorch does.
const EPSILON: f32 = 1e-5;

pub(super) const METHOD: Method = Method {
    name: "residual-prompt",
    about: "trains virtual tokens, and a small network that adds to them and is left out of what is written",
    options: &[
        prompt_tuning::TOKENS,
        prompt_tuning::INIT,
        prompt_tuning::TEXT,
        OptionSpec { name: "hidden", default: "128", about: "width of the network" },
    ],
    lr: 1e-2,
    fresh: |fresh| self::fresh(fresh).boxed_local(),
    load: |file, model| Ok(Box::new(Prompt::load(file, model)?)),
    extras: Extras { switch: Some(SWITCH), export, ..Extras::NONE },
    ..prompt_tuning::METHOD
};

/// A prompt as prompt tuning begins, layers from U(±1/√inputs), g ones and c zeros.
async fn fresh(fresh: Fresh<'_>) -> Result<PeftAdapter> {
    let (hidden, width) = (fresh.options.integer("hidden", 1..=65536)?, fresh.model.config().sizes.width);
    let mut file = prompt_tuning::fresh(fresh).await?;
    // Other numbers than those that drew the prompt.
    let mut random = ChaCha8Rng::seed_from_u64(fresh.seed.wrapping_add(1));
    let mut drawn = |at: usize, shape: &[u64], inputs| {
        whole(PARTS[at], shape, spread(&mut random, inputs, shape.iter().product()))
    };
    file.tensors.extend([
        drawn(1, &[hidden, width], width),
        drawn(2, &[hidden], width),
        drawn(3, &[width, hidden], hidden),
        drawn(4, &[width], hidden),
        whole(PARTS[5], &[width], vec![1.0; width as usize]),
        whole(PARTS[6], &[width], vec![0.0; width as usize]),
    ]);
    file.config.raw.insert(SWITCH.to_owned(), Value::Bool(true));
    Ok(file)
}

/// The tensors in order, and the shapes that they must have.
fn parts(file: &PeftAdapter) -> Result<Vec<(&AdapterTensor, [u64; 2])>> {
    let find = |part: &str| {
        let missing = || Error::new(Kind::Missing, "adapter", part, "none");
        file.tensors.iter().find(|one| one.part == part).ok_or_else(missing)
    };
    let ([tokens, width], [hidden, _]) = (dims(find(PARTS[0])?)?, dims(find(PARTS[1])?)?);
    let row = [1, width];
    let shapes = [[tokens, width], [hidden, width], [1, hidden], [width, hidden], row, row, row];
    let each = PARTS.into_iter().zip(shapes).map(|(part, shape)| Ok((find(part)?, shape)));
    let each = each.collect::<Result<Vec<_>>>()?;
    each.iter().try_for_each(|(tensor, shape)| fits(tensor, *shape))?;
    Ok(each)
}

/// Each of [`PARTS`].
#[derive(Debug)]
struct Prompt(Vec<Tensor<2>>);

impl Prompt {
    fn load(file: &PeftAdapter, model: &Model) -> Result<Self> {
        let (parts, width) = (parts(file)?, model.config().sizes.width);
        if let Some((first, _)) = parts.first().filter(|(_, [_, cols])| *cols != width) {
            let (field, found) = (format!("tensor `{}`", first.key()), format!("{:?}", first.shape));
            return Err(Error::new(Kind::Shape, field, format!("rows of {width}, the base's width"), found));
        }
        let tensors = parts.iter().map(|(tensor, shape)| on_device(tensor, *shape, model));
        Ok(Self(tensors.collect::<Result<_>>()?))
    }
}

impl Adapter for Prompt {
    fn prompt(&self) -> Option<Tensor<2>> {
        let [p, w1, b1, w2, b2, g, c] = self.0.as_slice() else { return None };
        let added = layer(relu(layer(p.clone(), w1, b1)), w2, b2);
        let added = added.clone() - added.mean_dim(1);
        let deviation = (added.clone().square().mean_dim(1) + EPSILON).sqrt();
        Some(p.clone() + added / deviation * g.clone() + c.clone())
    }

    fn prompt_len(&self) -> usize {
        self.0.first().map_or(0, |rows| rows.dims()[0])
    }

    fn changes_input(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Parameter> {
        let named = PARTS.into_iter().zip(&self.0);
        named.map(|(key, value)| Parameter { key: key.to_owned(), value: value.clone() }).collect()
    }

    fn with(&self, values: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self(values))
    }
}

/// The sum, without what made it.
fn export(file: &PeftAdapter) -> Result<PeftAdapter> {
    let parts = parts(file)?;
    let [(p, [_, width]), (w1, _), (b1, _), (w2, _), (b2, _), (g, _), (c, _)] = parts.as_slice() else {
        return Ok(file.clone());
    };
    let row = |row: &[f32]| {
        let inner: Vec<f32> = layer_of(row, w1, b1).map(|x| x.max(0.0)).collect();
        let added: Vec<f32> = layer_of(&inner, w2, b2).collect();
        let mean = added.iter().sum::<f32>() / row.len() as f32;
        let variance = added.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / row.len() as f32;
        let deviation = (variance + EPSILON).sqrt();
        let turned =
            added.into_iter().zip(&g.values).zip(&c.values).map(|((x, g), c)| (x - mean) / deviation * g + c);
        row.iter().zip(turned).map(|(p, added)| p + added).collect::<Vec<_>>()
    };
    let rows = p.values.chunks(*width as usize).flat_map(row).collect();
    let mut written = PeftAdapter { tensors: vec![whole(PARTS[0], &p.shape, rows)], ..file.clone() };
    written.config.raw.remove(SWITCH);
    Ok(written)
}
