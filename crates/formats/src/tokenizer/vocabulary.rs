//! Token strings by id and ids by token string, without a heap allocation for each.

use std::hash::{BuildHasher, RandomState};

use crate::error::{Error, Kind, Result};
use crate::gguf::Strings;

const EMPTY: u32 = u32::MAX;

/// A vocabulary: ids are positions.
#[derive(Debug)]
pub struct Vocabulary {
    tokens: Strings,
    /// Open addressing over ids; a random seed keeps crafted vocabularies from colliding.
    slots: Vec<u32>,
    hasher: RandomState,
}

impl Vocabulary {
    /// Indexes `tokens`; where a spelling occurs twice, the first id has it.
    ///
    /// # Errors
    /// [`Kind::Limit`] over [`crate::limits::VOCABULARY`], [`Kind::Missing`] for none at all.
    pub fn new(tokens: Strings) -> Result<Self> {
        let limit = crate::limits::VOCABULARY;
        if tokens.is_empty() {
            return Err(Error::new(Kind::Missing, "vocabulary", "tokens", "none"));
        }
        if tokens.len() > limit {
            return Err(Error::new(
                Kind::Limit,
                "vocabulary",
                format!("at most {limit} tokens"),
                tokens.len(),
            ));
        }
        let slots = vec![EMPTY; (tokens.len() * 2).next_power_of_two()];
        let mut vocabulary = Self { tokens, slots, hasher: RandomState::new() };
        for id in 0..vocabulary.len() as u32 {
            let slot = vocabulary.token(id).map(|token| vocabulary.probe(token));
            if let Some((at, EMPTY)) = slot
                && let Some(slot) = vocabulary.slots.get_mut(at)
            {
                *slot = id;
            }
        }
        Ok(vocabulary)
    }

    /// The slot where `token` is or would be, and the id there.
    fn probe(&self, token: &str) -> (usize, u32) {
        let mask = self.slots.len() - 1;
        let mut at = self.hasher.hash_one(token) as usize & mask;
        loop {
            let id = self.slots.get(at).copied().unwrap_or(EMPTY);
            if id == EMPTY || self.token(id) == Some(token) {
                return (at, id);
            }
            at = (at + 1) & mask;
        }
    }

    /// The number of ids.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there are no tokens; a vocabulary that was made has some.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The token with this id.
    pub fn token(&self, id: u32) -> Option<&str> {
        self.tokens.get(id as usize)
    }

    /// The id of this token.
    pub fn id(&self, token: &str) -> Option<u32> {
        Some(self.probe(token).1).filter(|id| *id != EMPTY)
    }

    /// All tokens in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter()
    }
}
