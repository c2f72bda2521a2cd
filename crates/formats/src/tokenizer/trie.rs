//! Finds the longest of many strings at a place in a text, in time of its own length.

use std::collections::HashMap;

/// A set of strings with ids.
#[derive(Debug, Default)]
pub(super) struct Trie {
    next: HashMap<(u32, u8), u32>,
    values: Vec<Option<u32>>,
    first: Vec<bool>,
}

impl Trie {
    pub(super) fn insert(&mut self, text: &str, value: u32) {
        if self.values.is_empty() {
            self.values.push(None);
            self.first = vec![false; 256];
        }
        let mut node = 0;
        for (at, byte) in text.bytes().enumerate() {
            if at == 0
                && let Some(first) = self.first.get_mut(usize::from(byte))
            {
                *first = true;
            }
            let fresh = self.values.len() as u32;
            node = *self.next.entry((node, byte)).or_insert(fresh);
            if node == fresh {
                self.values.push(None);
            }
        }
        if let Some(slot) = self.values.get_mut(node as usize).filter(|_| node != 0) {
            *slot = Some(value);
        }
    }

    /// Length and id of the longest string that `bytes` starts with.
    pub(super) fn longest(&self, bytes: &[u8]) -> Option<(usize, u32)> {
        let mut node = 0;
        let mut found = None;
        for (at, byte) in bytes.iter().enumerate() {
            let Some(next) = self.next.get(&(node, *byte)) else { break };
            node = *next;
            if let Some(value) = self.values.get(node as usize).copied().flatten() {
                found = Some((at + 1, value));
            }
        }
        found
    }

    /// The first match in `text` at or after `from`: its start, length and id.
    pub(super) fn find(&self, text: &str, from: usize) -> Option<(usize, usize, u32)> {
        if self.first.is_empty() {
            return None;
        }
        let bytes = text.as_bytes();
        let starts = |byte: &u8| self.first.get(usize::from(*byte)).copied().unwrap_or_default();
        let mut at = from;
        loop {
            at += bytes.get(at..)?.iter().position(starts)?;
            if let Some((len, value)) = bytes.get(at..).and_then(|rest| self.longest(rest)) {
                return Some((at, len, value));
            }
            at += 1;
        }
    }
}
