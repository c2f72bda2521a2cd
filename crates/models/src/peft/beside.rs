//! Tensors of sublayers: what networks beside attention and feed-forward blocks are made of.

use super::Sublayer;
use smolder_formats::adapter::{AdapterTensor, Target};
use smolder_formats::model::ModelConfig;
use smolder_formats::{Error, Kind, Result};
use std::collections::BTreeMap;

/// A file's tensors by sublayer, each of `parts` once.
pub(super) fn beside<'a, const N: usize>(
    tensors: impl IntoIterator<Item = &'a AdapterTensor>,
    sizes: &ModelConfig,
    parts: [&'static str; N],
) -> Result<BTreeMap<Sublayer, [&'a AdapterTensor; N]>> {
    let both = |layer| [Sublayer::Attention(layer), Sublayer::FeedForward(layer)];
    let known: BTreeMap<String, Sublayer> =
        (0..sizes.layers as u32).flat_map(both).map(|one| (one.hf(), one)).collect();
    let mut found: BTreeMap<Sublayer, Vec<&AdapterTensor>> = BTreeMap::new();
    for tensor in tensors {
        let sublayer = match &tensor.target {
            Target::Module(path) if parts.contains(&tensor.part.as_str()) => known.get(path),
            _ => None,
        };
        let refused = || {
            let field = format!("tensor `{}`", tensor.key());
            let expected = format!("{} of a sublayer of the base", parts.join(", "));
            Error::new(Kind::Missing, field, expected, "another")
        };
        found.entry(*sublayer.ok_or_else(refused)?).or_default().push(tensor);
    }
    let complete = |(sublayer, tensors): (Sublayer, Vec<&'a AdapterTensor>)| {
        let find = |part: &str| {
            let missing = || Error::new(Kind::Missing, sublayer.hf(), part, "none");
            tensors.iter().copied().find(|one| one.part == part).ok_or_else(missing)
        };
        let each = parts.iter().map(|part| find(part)).collect::<Result<Vec<_>>>()?;
        let lost = || Error::new(Kind::Missing, sublayer.hf(), parts.join(", "), "fewer");
        Ok((sublayer, each.try_into().map_err(|_| lost())?))
    };
    found.into_iter().map(complete).collect()
}

/// A fresh tensor of a sublayer.
pub(super) fn tensor(sublayer: Sublayer, part: &str, shape: &[u64], values: Vec<f32>) -> AdapterTensor {
    AdapterTensor { target: target(sublayer), part: part.to_owned(), shape: shape.to_vec(), values }
}

/// What a sublayer's tensors belong to.
pub(super) fn target(sublayer: Sublayer) -> Target {
    Target::Module(sublayer.hf())
}
