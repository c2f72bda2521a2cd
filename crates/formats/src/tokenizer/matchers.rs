//! Added tokens in texts: where they are, and where a control token could grow together with what stands beside it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::finder::Finder;
use super::spans::normalize;
use super::spec::{AddedToken, Spec};

/// Finders of added tokens, with and without the control tokens.
#[derive(Debug)]
pub(super) struct Matchers {
    /// Of those found in a text as it is: one set, or two, of which the second is looked for in what the first leaves.
    pub(super) raw: Vec<[Finder; 2]>,
    /// Of those found once it is normalized.
    pub(super) normalized: [Finder; 2],
    /// Control tokens as they are spelled, and spelled backwards.
    specials: [Finder; 2],
    added: HashSet<u32>,
    special: HashSet<u32>,
    stripping: HashMap<u32, (bool, bool)>,
    /// Bytes that a control token starts or ends with, perhaps in another case.
    edges: [bool; 256],
    /// Characters that a control token starts with, and that one ends with.
    ends: HashMap<char, (bool, bool)>,
    /// The same of the first characters there are, in any case.
    ascii_ends: [(bool, bool); 128],
    /// Control tokens of one letter: nothing can be put inside them.
    lone: Vec<char>,
    /// All control tokens in one case, one behind the other, and the length of the longest.
    folded: (String, usize),
}

fn reversed(text: &str) -> Vec<u8> {
    text.bytes().rev().collect()
}

fn ends(spec: &Spec) -> HashMap<char, (bool, bool)> {
    let mut ends: HashMap<char, (bool, bool)> = HashMap::new();
    for token in spec.added.iter().filter(|token| token.special) {
        token.content.chars().next().into_iter().for_each(|c| ends.entry(c).or_default().0 = true);
        token.content.chars().next_back().into_iter().for_each(|c| ends.entry(c).or_default().1 = true);
    }
    ends
}

fn in_any_case(ends: &HashMap<char, (bool, bool)>, c: char) -> (bool, bool) {
    let found = other_cases(c).chain([c]).filter_map(|c| ends.get(&c));
    found.fold((false, false), |(first, last), ends| (first || ends.0, last || ends.1))
}

fn other_cases(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().chain(c.to_uppercase()).filter(move |_| c.is_alphabetic())
}

fn lone(spec: &Spec) -> Vec<char> {
    let only = |token: &AddedToken| {
        let mut letters = token.content.chars();
        letters.next().filter(|_| letters.next().is_none())
    };
    spec.added.iter().filter(|token| token.special).filter_map(only).collect()
}

/// A text as it is in any case: letters that become several others, or others' letters, too.
fn fold(text: &str) -> String {
    text.to_uppercase().to_lowercase()
}

fn folded(spec: &Spec) -> (String, usize) {
    let tokens: Vec<String> =
        spec.added.iter().filter(|token| token.special).map(|token| fold(&token.content)).collect();
    (tokens.join("\0"), tokens.iter().map(String::len).max().unwrap_or_default())
}

impl Matchers {
    pub(super) fn new(spec: &Spec) -> Self {
        let of = |wanted: &dyn Fn(&&AddedToken) -> bool, spell: &dyn Fn(&AddedToken) -> Vec<u8>| {
            Finder::new(spec.added.iter().filter(wanted).map(|token| (spell(token), token.id)))
        };
        let plain = |token: &AddedToken| token.content.clone().into_bytes();
        let normal = |token: &AddedToken| normalize(spec, &token.content, true).into_owned().into_bytes();
        let ends = ends(spec);
        let mut edges = [false; 256];
        for c in ends.keys() {
            for byte in other_cases(*c).chain([*c]).flat_map(|c| c.to_string().into_bytes()) {
                edges[usize::from(byte)] = true;
            }
            // Letters may come from others, such as from the sign for Kelvin.
            if c.is_alphabetic() {
                edges.iter_mut().skip(128).for_each(|edge| *edge = true);
            }
        }
        let first = [of(&|t| !t.normalized, &plain), of(&|t| !t.normalized && !t.special, &plain)];
        let spell: &dyn Fn(&AddedToken) -> Vec<u8> = if spec.late_spaces { &plain } else { &normal };
        let second = [of(&|t| t.normalized, spell), of(&|t| t.normalized && !t.special, spell)];
        let none = [of(&|_| false, &plain), of(&|_| false, &plain)];
        let (raw, normalized) =
            if spec.late_spaces { (vec![first, second], none) } else { (vec![first], second) };
        let stripping = spec.added.iter().filter(|token| token.lstrip || token.rstrip);
        Self {
            raw,
            normalized,
            specials: [of(&|t| t.special, &plain), of(&|t| t.special, &|t| reversed(&t.content))],
            added: spec.added.iter().map(|token| token.id).collect(),
            special: spec.added.iter().filter(|token| token.special).map(|token| token.id).collect(),
            stripping: stripping.map(|token| (token.id, (token.lstrip, token.rstrip))).collect(),
            edges,
            ascii_ends: std::array::from_fn(|byte| in_any_case(&ends, char::from(byte as u8))),
            ends,
            lone: lone(spec),
            folded: folded(spec),
        }
    }

    /// Each character that a control token starts or ends with, in any case: where it is, whether one starts with it and
    /// whether one ends with it.
    pub(super) fn special_ends_in<'t>(
        &'t self,
        text: &'t str,
    ) -> impl Iterator<Item = (Range<usize>, (bool, bool))> + 't {
        let edges = text.bytes().enumerate().filter(|(_, byte)| self.edges[usize::from(*byte)]);
        edges.filter_map(move |(at, _)| {
            let c = text.get(at..)?.chars().next()?;
            let ends = self.ascii_ends.get(c as usize).copied();
            let ends = ends.unwrap_or_else(|| in_any_case(&self.ends, c));
            (ends != (false, false)).then_some((at..at + c.len_utf8(), ends))
        })
    }

    /// The first character that is a control token by itself, in any case.
    pub(super) fn lone_special(&self, text: &str) -> Option<char> {
        let is_lone = |c: &char| other_cases(*c).chain([*c]).any(|c| self.lone.contains(&c));
        text.chars().filter(|_| !self.lone.is_empty()).find(is_lone)
    }

    /// Whether a text, without the space around it, is a part of a control token in any case.
    pub(super) fn inside_special(&self, text: &str) -> bool {
        let (tokens, longest) = &self.folded;
        let text = text.trim();
        // A letter of four bytes may stand for one of one.
        !text.is_empty() && text.len() <= 4 * longest && tokens.contains(&fold(text))
    }

    /// Where a text spells tokens that are found as a whole and are no control tokens.
    pub(super) fn others_in(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for [_, finder] in self.raw.iter().chain([&self.normalized]) {
            let mut from = 0;
            while let Some((at, len, _)) = finder.find(text, from) {
                found.push(at..at + len);
                from = at + len;
            }
        }
        found
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
