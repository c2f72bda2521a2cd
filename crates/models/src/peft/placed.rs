//! Tensors of projections: what most methods are made of.

use super::{Merge, Parameter, on_device};
use crate::model::Model;
use smolder_formats::adapter::{AdapterConfig, AdapterTensor, Module, Target};
use smolder_formats::model::ModelConfig;
use smolder_formats::names::Place;
use smolder_formats::{Error, Kind, Result};
use smolder_kernels::burn::tensor::Tensor;
use std::collections::{BTreeMap, HashMap};

/// Parts of a method's tensors, and the shapes that they must have; a vector is one row.
pub(super) type Expected = Vec<(&'static str, [u64; 2])>;

/// A projection, and what a file has for it.
pub(super) struct Site<'a> {
    pub place: Place,
    /// `[out, in]` of its weight.
    pub shape: [u64; 2],
    parts: HashMap<&'a str, &'a AdapterTensor>,
}

/// A projection's tensors in the order that was expected.
pub(super) type Found<'a> = Vec<(&'static str, [u64; 2], &'a AdapterTensor)>;

/// A file's tensors by projection, as `expected` says of each.
pub(super) fn found<'a>(
    tensors: impl IntoIterator<Item = &'a AdapterTensor>,
    sizes: &ModelConfig,
    expected: impl Fn(&Site) -> Result<Expected>,
) -> Result<BTreeMap<Place, Found<'a>>> {
    let mut places = BTreeMap::new();
    for tensor in tensors {
        let field = || format!("tensor `{}`", tensor.key());
        let Target::Projection(place) = tensor.target else {
            return Err(Error::new(Kind::Unsupported, field(), "one of a projection", &tensor.part));
        };
        let shape = sizes
            .weight(place)
            .ok_or_else(|| Error::new(Kind::Missing, field(), "a projection of the base model", "none"))?;
        let site = places.entry(place).or_insert_with(|| Site { place, shape, parts: HashMap::new() });
        site.parts.insert(&tensor.part, tensor);
    }
    let complete = |(place, site): (Place, Site<'a>)| Ok((place, site.complete(&expected(&site)?)?));
    places.into_iter().map(complete).collect()
}

impl<'a> Site<'a> {
    fn complete(&self, expected: &[(&'static str, [u64; 2])]) -> Result<Found<'a>> {
        let known = |part: &str| expected.iter().any(|(one, _)| *one == part);
        if let Some(other) = self.parts.values().find(|one| !known(&one.part)) {
            let names = expected.iter().map(|(part, _)| *part).collect::<Vec<_>>().join(", ");
            return Err(Error::new(
                Kind::Unsupported,
                format!("tensor `{}`", other.key()),
                names,
                &other.part,
            ));
        }
        let each = |(part, shape): &(&'static str, [u64; 2])| {
            let missing = || Error::new(Kind::Missing, self.place.hf(), *part, "none");
            let tensor = *self.parts.get(part).ok_or_else(missing)?;
            fits(tensor, *shape)?;
            Ok((*part, *shape, tensor))
        };
        expected.iter().map(each).collect()
    }
}

/// Checks a tensor's shape, of a vector its length.
pub(super) fn fits(tensor: &AdapterTensor, shape: [u64; 2]) -> Result<()> {
    let numbers: u64 = tensor.shape.iter().product();
    let fits = tensor.shape == shape || (shape[0] == 1 && shape[1] == numbers);
    if fits && tensor.values.len() as u64 == numbers {
        return Ok(());
    }
    let (field, found) = (format!("tensor `{}`", tensor.key()), format!("{:?}", tensor.shape));
    Err(Error::new(Kind::Shape, field, format!("{shape:?}"), found))
}

/// Rows and columns, neither of them 0.
pub(super) fn dims(tensor: &AdapterTensor) -> Result<[u64; 2]> {
    let shape = tensor.shape.as_slice().try_into().ok();
    shape.filter(|shape: &[u64; 2]| shape.iter().all(|dim| *dim > 0)).ok_or_else(|| {
        let (field, found) = (format!("tensor `{}`", tensor.key()), format!("{:?}", tensor.shape));
        Error::new(Kind::Shape, field, "two dimensions", found)
    })
}

/// A fresh tensor of a projection.
pub(super) fn tensor(place: Place, part: &str, shape: &[u64], values: Vec<f32>) -> AdapterTensor {
    AdapterTensor { target: Target::Projection(place), part: part.to_owned(), shape: shape.to_vec(), values }
}

/// A fresh tensor of the whole model.
pub(super) fn whole(part: &str, shape: &[u64], values: Vec<f32>) -> AdapterTensor {
    AdapterTensor { target: Target::Model, part: part.to_owned(), shape: shape.to_vec(), values }
}

/// The factor that a config states for a projection's change: α/r or α/√r.
pub(super) fn factor(config: &AdapterConfig, place: Place) -> Result<f32> {
    Ok(config.scale(&place.hf())?.factor() as f32)
}

/// Projections' tensors on a device.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    each: BTreeMap<Place, Vec<(&'static str, Tensor<2>)>>,
    /// What a projection's change is multiplied with, where that is not 1.
    factors: BTreeMap<Place, f32>,
}

impl Placed {
    pub fn load(found: &BTreeMap<Place, Found>, model: &Model) -> Result<Self> {
        let part = |(part, shape, tensor): &(&'static str, [u64; 2], &AdapterTensor)| {
            Ok((*part, on_device(tensor, *shape, model)?))
        };
        let parts =
            |(place, found): (&Place, &Found)| Ok((*place, found.iter().map(part).collect::<Result<_>>()?));
        let each = found.iter().map(parts).collect::<Result<_>>()?;
        Ok(Self { each, factors: BTreeMap::new() })
    }

    /// The same with the factors that a config states.
    pub fn scaled(self, config: &AdapterConfig) -> Result<Self> {
        let factor = |place: &Place| Ok((*place, factor(config, *place)?));
        Ok(Self { factors: self.each.keys().map(factor).collect::<Result<_>>()?, ..self })
    }

    /// The projections, in the order of their tensors.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.each.keys().copied()
    }

    /// What a projection's change is multiplied with.
    pub fn factor(&self, place: Place) -> f32 {
        self.factors.get(&place).copied().unwrap_or(1.0)
    }

    /// A projection's tensors, where there are `N`.
    pub fn get<const N: usize>(&self, place: Place) -> Option<[Tensor<2>; N]> {
        let parts = self.each.get(&place)?.iter().map(|(_, tensor)| tensor.clone());
        parts.collect::<Vec<_>>().try_into().ok()
    }

    /// One of a projection's tensors.
    pub fn part(&self, place: Place, part: &str) -> Option<Tensor<2>> {
        self.each.get(&place)?.iter().find(|(name, _)| *name == part).map(|(_, tensor)| tensor.clone())
    }

    pub fn parameters(&self) -> Vec<Parameter> {
        let parts = self.each.iter().flat_map(|(place, parts)| parts.iter().map(move |one| (*place, one)));
        parts.map(|(place, (part, value))| Parameter::of(Target::Projection(place), part, value)).collect()
    }

    /// The same with other values, in the order of [`Self::parameters`].
    pub fn with(&self, values: Vec<Tensor<2>>) -> Self {
        let mut values = values.into_iter();
        let mut each = self.each.clone();
        each.values_mut().flatten().zip(&mut values).for_each(|((_, old), new)| *old = new);
        Self { each, factors: self.factors.clone() }
    }
}

/// A merge that changes projections' weights row by row.
pub(super) struct Rows<T> {
    /// What each projection's change is made of.
    pub each: BTreeMap<Place, T>,
    /// Whether it adds the same to a row whatever the row is.
    pub adds: bool,
    /// Changes a row.
    pub change: fn(&T, usize, &mut [f32]),
}

impl<T> Merge for Rows<T> {
    fn changes(&self, module: Module) -> bool {
        matches!(module, Module::Projection(place) if self.each.contains_key(&place))
    }

    fn adds(&self) -> bool {
        self.adds
    }

    fn change(&self, module: Module, row: usize, weights: &mut [f32]) {
        if let Module::Projection(place) = module
            && let Some(one) = self.each.get(&place)
        {
            (self.change)(one, row, weights);
        }
    }
}
