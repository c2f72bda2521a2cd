//! The JSON header, read without building more than its tensors.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::json::Object;
use crate::limits;

/// One tensor as the header writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTensor {
    pub(super) dtype: String,
    pub(super) shape: Shape,
    pub(super) data_offsets: (u64, u64),
}

/// Dimensions; more than eight are not even stored.
pub(super) struct Shape(pub(super) Vec<u64>);

/// The whole header, in file order.
#[derive(Default)]
pub(super) struct Header {
    pub(super) metadata: Vec<(String, String)>,
    pub(super) tensors: Vec<(String, RawTensor)>,
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of dimensions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        let mut out = Vec::new();
        while let Some(dim) = seq.next_element()? {
            if out.len() == 8 {
                return Err(A::Error::custom("more than 8 dimensions"));
            }
            out.push(dim);
        }
        Ok(Shape(out))
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_seq(ShapeVisitor)
    }
}

/// A map from strings to strings with unique keys.
pub(super) struct Pairs(pub(super) Vec<(String, String)>);

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut seen = std::collections::HashSet::new();
        let mut out = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("duplicate key `{key}`")));
            }
            if out.len() as u64 == limits::TENSORS {
                return Err(A::Error::custom(format_args!("more than {} entries", limits::TENSORS)));
            }
            out.push((key, value));
        }
        Ok(Pairs(out))
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(PairsVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a safetensors header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut header = Header::default();
        let mut seen = std::collections::HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if !seen.insert(name.clone()) {
                return Err(A::Error::custom(format_args!("duplicate key `{name}`")));
            }
            if name == "__metadata__" {
                header.metadata = map.next_value::<Pairs>()?.0;
                continue;
            }
            if header.tensors.len() as u64 == limits::TENSORS {
                return Err(A::Error::custom(format_args!("more than {} tensors", limits::TENSORS)));
            }
            let tensor = map.next_value::<Object<RawTensor>>();
            let tensor = tensor.map_err(|e| A::Error::custom(format_args!("tensor `{name}`: {e}")))?;
            header.tensors.push((name, tensor.0));
        }
        Ok(header)
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(HeaderVisitor)
    }
}
