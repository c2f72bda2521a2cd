//! What a template says about texts: what it looks for in them, what it calls by name, whether it turns them around.

use std::collections::HashSet;
use std::ops::Range;

use super::lex::{self, Token};
use crate::tokenizer::{Finder, Tokenizer};

/// Who may speak in a conversation: names that a template may write into a control token.
pub(crate) const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

/// Literals and words of a template's tags.
#[derive(Debug)]
pub(super) struct Literals {
    texts: Finder,
    quoted: HashSet<String>,
    words: HashSet<String>,
    pub(super) reverses: bool,
}

impl Literals {
    /// Bytes of what is looked for in texts: it may have to be compared at every place.
    const BYTES: usize = 64;

    pub(super) fn of(source: &str) -> Self {
        let (mut quoted, mut words) = (HashSet::new(), HashSet::new());
        for token in lex::tags(source).flatten().flat_map(lex::tokens) {
            match token {
                Token::Literal(text) => quoted.extend(unquoted(text)),
                Token::Word(word) => drop(words.insert(word.to_owned())),
                Token::Space(_) | Token::Sign(_) => {}
            }
        }
        let looked_for = |text: &&String| {
            (2..=Self::BYTES).contains(&text.len()) && !text.chars().all(char::is_alphanumeric)
        };
        let texts = Finder::new(quoted.iter().filter(looked_for).map(|text| (text.clone().into_bytes(), 0)));
        Self { texts, quoted, words, reverses: source.contains("::-") || source.contains("reverse") }
    }

    /// Whether the template knows a role, or another value of few, by this name.
    pub(super) fn has_value(&self, text: &str) -> bool {
        ROLES.contains(&text) || self.quoted.contains(text)
    }

    /// Whether the template has a field of this name.
    pub(super) fn has_key(&self, text: &str) -> bool {
        self.words.contains(text) || self.quoted.contains(text)
    }

    /// Where a text has what the template looks for, unless that is itself a part of a control token.
    pub(super) fn found_in(&self, text: &str, tokenizer: &Tokenizer) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut from = 0;
        while let Some((at, len, _)) = self.texts.find(text, from) {
            let range = at..at + len;
            let part = text.get(range.clone()).unwrap_or_default();
            if tokenizer.special_ends_in(part).next().is_some() && !tokenizer.inside_special(part) {
                found.push(range);
            }
            from = at + 1;
        }
        found
    }
}

/// Space at its ends is as good as none: where `\n</think>` is found, `</think>` is.
fn unquoted(literal: &str) -> Option<String> {
    let text = literal.strip_prefix(['\'', '"'])?.replace("\\n", "\n");
    Some(text.trim_end_matches(['\'', '"']).trim().to_owned())
}
