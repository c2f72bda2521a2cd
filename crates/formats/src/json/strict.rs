//! Values in which no object has a key twice, and which take little memory.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::limits;

/// Bytes of an object of a few fields: room for four of them, and the table that finds them.
const OBJECT: usize = 4 * FIELD + 64;
/// Fields that this has room for.
const FEW: usize = 3;
/// Bytes of a field: its hash, its key and its value.
const FIELD: usize = size_of::<usize>() + size_of::<String>() + size_of::<Value>();
/// Bytes that each field takes where there are more: lists grow by doubling, and the table has a place for each.
const MORE: usize = 2 * (FIELD + 16);

/// What the values of one text may take.
pub(super) struct Budget {
    /// Bytes at the start.
    whole: usize,
    /// Bytes left.
    left: Cell<usize>,
    spent: Cell<bool>,
    /// Whether there was a number that no integer of 64 bits holds.
    large: Cell<bool>,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self { whole: bytes, left: Cell::new(bytes), spent: Cell::new(false), large: Cell::new(false) }
    }

    pub(super) fn seed(&self) -> Strict<'_> {
        Strict { depth: 0, budget: self }
    }

    pub(super) fn is_spent(&self) -> bool {
        self.spent.get()
    }

    pub(super) fn saw_large(&self) -> bool {
        self.large.get()
    }

    /// What is expected of a text that takes too much.
    pub(super) fn expected(&self) -> String {
        format!("lists and objects that take at most {} MiB in memory", self.whole >> 20)
    }

    /// Takes off what is about to be allocated.
    fn charge<E: Error>(&self, bytes: usize) -> Result<(), E> {
        let left = self.left.get().checked_sub(bytes);
        self.spent.set(left.is_none());
        self.left.set(left.ok_or_else(|| E::custom(self.expected()))?);
        Ok(())
    }
}

/// Reads a value that lies this deep.
#[derive(Clone, Copy)]
pub(super) struct Strict<'b> {
    depth: usize,
    budget: &'b Budget,
}

impl Strict<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let limit = limits::JSON_DEPTH;
        if self.depth < limit {
            Ok(Self { depth: self.depth + 1, ..self })
        } else {
            Err(E::custom(format_args!("more than {limit} nested values")))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        // 2⁶³, from which on integers can be too large.
        if v.abs() >= 9_223_372_036_854_775_808.0 {
            self.budget.large.set(true);
        }
        Ok(Number::from_f64(v).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.into()))
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::String(v))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            if items.len() == items.capacity() {
                let more = items.len().max(4);
                self.budget.charge::<A::Error>(more * size_of::<Value>())?;
                items.reserve_exact(more);
            }
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if items.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate key `{key}`")));
            }
            match items.len() {
                0 => self.budget.charge::<A::Error>(OBJECT)?,
                1..FEW => {}
                _ => self.budget.charge::<A::Error>(MORE)?,
            }
            items.insert(key, map.next_value_seed(inner)?);
        }
        Ok(Value::Object(items))
    }
}
