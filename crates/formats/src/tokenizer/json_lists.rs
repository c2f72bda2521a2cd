//! The long lists of a `tokenizer.json`, each read up to its cap.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::gguf::Strings;
use crate::json::Object;
use crate::limits;

#[derive(Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "the flags of the file format")]
pub(super) struct RawAdded {
    pub(super) id: u32,
    pub(super) content: String,
    #[serde(default)]
    pub(super) single_word: bool,
    #[serde(default)]
    pub(super) lstrip: bool,
    #[serde(default)]
    pub(super) rstrip: bool,
    #[serde(default)]
    pub(super) normalized: bool,
    #[serde(default)]
    pub(super) special: bool,
}

/// Token texts and their ids, in file order.
#[derive(Default)]
pub(super) struct Vocab {
    pub(super) tokens: Strings,
    pub(super) ids: Vec<u32>,
}

/// Pairs of token texts, left and right in turn.
#[derive(Default)]
pub(super) struct MergeList(pub(super) Strings);

#[derive(Default)]
pub(super) struct Added(pub(super) Vec<RawAdded>);

fn too_many<E: serde::de::Error>(what: &str, limit: usize) -> E {
    E::custom(format_args!("more than {limit} {what}"))
}

struct VocabVisitor;

impl<'de> Visitor<'de> for VocabVisitor {
    type Value = Vocab;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from tokens to ids")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocab, A::Error> {
        let mut out = Vocab::default();
        while let Some((token, id)) = map.next_entry::<std::borrow::Cow<'_, str>, u32>()? {
            if out.ids.len() == limits::VOCABULARY {
                return Err(too_many("tokens", limits::VOCABULARY));
            }
            out.tokens.push(&token);
            out.ids.push(id);
        }
        Ok(out)
    }
}

impl<'de> Deserialize<'de> for Vocab {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(VocabVisitor)
    }
}

struct MergesVisitor;

/// One token, put where it is kept.
struct Token<'s>(&'s mut Strings);

impl<'de> DeserializeSeed<'de> for Token<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_str(self)
    }
}

impl Visitor<'_> for Token<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token")
    }

    fn visit_str<E>(self, token: &str) -> Result<(), E> {
        self.0.push(token);
        Ok(())
    }
}

/// Two tokens with a space between, or a list of two.
struct Merge<'s>(&'s mut Strings);

impl<'de> DeserializeSeed<'de> for Merge<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Merge<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("two tokens")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let (left, right) = text.split_once(' ').unwrap_or((text, ""));
        self.0.push(left);
        self.0.push(right);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        for number in 0..2 {
            let token = seq.next_element_seed(Token(self.0))?;
            token.ok_or_else(|| A::Error::invalid_length(number, &"two tokens"))?;
        }
        match seq.next_element::<IgnoredAny>()? {
            Some(_) => Err(A::Error::custom("a third token")),
            None => Ok(()),
        }
    }
}

impl<'de> Visitor<'de> for MergesVisitor {
    type Value = MergeList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of merges")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<MergeList, A::Error> {
        let mut out = Strings::default();
        while seq.next_element_seed(Merge(&mut out))?.is_some() {
            if out.len() as u64 > 2 * limits::ARRAY_LEN {
                return Err(too_many("merges", limits::ARRAY_LEN as usize));
            }
        }
        Ok(MergeList(out))
    }
}

impl<'de> Deserialize<'de> for MergeList {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_seq(MergesVisitor)
    }
}

struct AddedVisitor;

impl<'de> Visitor<'de> for AddedVisitor {
    type Value = Added;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of added tokens")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Added, A::Error> {
        let mut out = Vec::new();
        while let Some(Object(token)) = seq.next_element::<Object<RawAdded>>()? {
            if out.len() == limits::ADDED_TOKENS {
                return Err(too_many("added tokens", limits::ADDED_TOKENS));
            }
            out.push(token);
        }
        Ok(Added(out))
    }
}

impl<'de> Deserialize<'de> for Added {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_seq(AddedVisitor)
    }
}
