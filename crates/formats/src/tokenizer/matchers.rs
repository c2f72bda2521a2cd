//! Added tokens in texts: where they are, and where a control token could grow together with what stands beside it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::encode::normalize;
use super::finder::Finder;
use super::spec::{AddedToken, Spec};

/// Finders of added tokens: with and without the control tokens, before and after normalization.
#[derive(Debug)]
pub(super) struct Matchers {
    pub(super) raw: [Finder; 2],
    pub(super) normalized: [Finder; 2],
    /// Control tokens as they are spelled, and spelled backwards.
    specials: [Finder; 2],
    added: HashSet<u32>,
    special: HashSet<u32>,
    stripping: HashMap<u32, (bool, bool)>,
    /// Bytes that a control token starts or ends with.
    edges: [bool; 256],
}

fn reversed(text: &str) -> Vec<u8> {
    text.bytes().rev().collect()
}

impl Matchers {
    pub(super) fn new(spec: &Spec) -> Self {
        let of = |wanted: &dyn Fn(&&AddedToken) -> bool, spell: &dyn Fn(&AddedToken) -> Vec<u8>| {
            Finder::new(spec.added.iter().filter(wanted).map(|token| (spell(token), token.id)))
        };
        let plain = |token: &AddedToken| token.content.clone().into_bytes();
        let normal = |token: &AddedToken| normalize(spec, &token.content, true).into_owned().into_bytes();
        let mut edges = [false; 256];
        for token in spec.added.iter().filter(|token| token.special) {
            let bytes = token.content.as_bytes();
            for byte in bytes.first().into_iter().chain(bytes.last()) {
                edges[usize::from(*byte)] = true;
            }
        }
        let stripping = spec.added.iter().filter(|token| token.lstrip || token.rstrip);
        Self {
            raw: [of(&|t| !t.normalized, &plain), of(&|t| !t.normalized && !t.special, &plain)],
            normalized: [of(&|t| t.normalized, &normal), of(&|t| t.normalized && !t.special, &normal)],
            specials: [of(&|t| t.special, &plain), of(&|t| t.special, &|t| reversed(&t.content))],
            added: spec.added.iter().map(|token| token.id).collect(),
            special: spec.added.iter().filter(|token| token.special).map(|token| token.id).collect(),
            stripping: stripping.map(|token| (token.id, (token.lstrip, token.rstrip))).collect(),
            edges,
        }
    }

    pub(super) fn may_spell_special(&self, text: &str) -> bool {
        text.bytes().any(|byte| self.edges[usize::from(byte)])
    }

    pub(super) fn is_added(&self, id: u32) -> bool {
        self.added.contains(&id)
    }

    pub(super) fn is_special(&self, id: u32) -> bool {
        self.special.contains(&id)
    }

    pub(super) fn specials_in<'t>(&'t self, text: &'t str) -> impl Iterator<Item = usize> + 't {
        let mut from = 0;
        std::iter::from_fn(move || {
            let (at, ..) = self.specials[0].find(text, from)?;
            from = at + 1;
            Some(at)
        })
    }

    pub(super) fn special_at_start(&self, text: &str) -> Option<usize> {
        self.specials[0].longest(text.as_bytes()).map(|(len, _)| len)
    }

    pub(super) fn special_at_end(&self, text: &str) -> bool {
        let end: Vec<u8> = text.bytes().rev().take(self.specials[1].longest_len()).collect();
        self.specials[1].longest(&end).is_some()
    }

    /// Both by looking at every start or end of the text that is shorter than the longest control token.
    pub(super) fn special_edges(&self, text: &str) -> (bool, bool) {
        let [forward, backward] = &self.specials;
        let reach = forward.longest_len().min(text.len());
        let bytes = text.as_bytes();
        let start: Vec<u8> = bytes.iter().take(reach).rev().copied().collect();
        let begins = (1..=reach).any(|len| backward.begins(start.get(reach - len..).unwrap_or_default()));
        let ends = (1..=reach).any(|len| forward.begins(bytes.get(bytes.len() - len..).unwrap_or_default()));
        (begins, ends)
    }

    /// The next added token from `from` on, with the whitespace that it takes.
    pub(super) fn find(&self, finder: &Finder, text: &str, from: usize) -> Option<(Range<usize>, u32)> {
        let (start, len, id) = finder.find(text, from)?;
        let (lstrip, rstrip) = self.stripping.get(&id).copied().unwrap_or_default();
        let mut range = start..start + len;
        if lstrip && let Some(before) = text.get(from..start) {
            range.start = from + before.trim_end().len();
        }
        if rstrip && let Some(behind) = text.get(range.end..) {
            range.end = text.len() - behind.trim_start().len();
        }
        Some((range, id))
    }
}
