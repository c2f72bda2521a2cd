//! Keeps text from people apart from control tokens.

use serde_json::{Map, Value};

use super::lex;
use crate::error::{Error, Kind, Result};
use crate::tokenizer::Tokenizer;

/// Noncharacters that can mark a text; the first one that the text does not contain is taken. The first two of the
/// block mark generated spans.
const MARKS: std::ops::RangeInclusive<char> = '\u{fdd2}'..='\u{fdef}';

/// Breaks every spelling of a control token in the texts it is given, and what a template could make into one.
pub(super) struct Guard<'t> {
    tokenizer: &'t Tokenizer,
    template: &'t Literals,
    pub(super) mark: char,
    pub(super) used: bool,
    /// The noncharacters that the texts contain.
    pub(super) found: String,
}

impl<'t> Guard<'t> {
    /// A guard for `texts`.
    ///
    /// # Errors
    /// [`Kind::Encoding`] where the texts contain every noncharacter that could mark them.
    pub(super) fn new(
        tokenizer: &'t Tokenizer,
        template: &'t Literals,
        texts: &[Map<String, Value>],
    ) -> Result<Self> {
        let mut found = String::new();
        for (key, value) in texts.iter().flatten() {
            marks_in(key, value, &mut found);
        }
        let mark = MARKS.clone().find(|mark| !found.contains(*mark)).ok_or_else(|| {
            Error::new(Kind::Encoding, "message", "text", "every noncharacter from U+FDD2 to U+FDEF")
        })?;
        Ok(Self { tokenizer, template, mark, used: false, found })
    }

    /// The same value with every string broken where needed.
    pub(super) fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(map) => Value::Object(self.map(map)),
            other => other.clone(),
        }
    }

    pub(super) fn map(&mut self, map: &Map<String, Value>) -> Map<String, Value> {
        map.iter().map(|(key, value)| (self.text(key), self.value(value))).collect()
    }

    /// Marks inside each control token, at edges where one could grow together with what comes next, and beside each
    /// character that one could be made of by taking out what is between, or by changing case.
    fn text(&mut self, text: &str) -> String {
        if !self.tokenizer.may_spell_special(text) {
            return text.to_owned();
        }
        let first = |at: usize| text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let mut cuts: Vec<usize> = self.tokenizer.specials_in(text).map(|at| at + first(at)).collect();
        cuts.extend(edges(self.tokenizer, text));
        cuts.extend(self.loose_ends(text));
        if cuts.is_empty() {
            return text.to_owned();
        }
        self.used = true;
        cuts.sort_unstable();
        cuts.dedup();
        let mut out = String::with_capacity(text.len() + cuts.len() * 3);
        let mut done = 0;
        for cut in cuts {
            out.push_str(text.get(done..cut).unwrap_or_default());
            out.push(self.mark);
            done = cut;
        }
        out.push_str(text.get(done..).unwrap_or_default());
        out
    }

    /// Behind each character that starts a control token and before each that ends one; on both sides where the
    /// template turns texts around. Not inside of what the template looks for, and of tokens that people may write.
    fn loose_ends(&self, text: &str) -> Vec<usize> {
        let mut whole = self.tokenizer.others_in(text);
        whole.extend(self.template.found_in(text, self.tokenizer));
        whole.sort_unstable_by_key(|range| range.start);
        let mut whole = whole.into_iter().peekable();
        let mut end = 0;
        let mut cuts = Vec::new();
        for (at, c) in text.char_indices() {
            while let Some(range) = whole.next_if(|range| range.start <= at) {
                end = range.end.max(end);
            }
            let (starts, ends) = if at < end { (false, false) } else { self.tokenizer.special_ends(c) };
            let reverses = self.template.reverses && (starts || ends);
            cuts.extend((ends || reverses).then_some(at));
            cuts.extend((starts || reverses).then_some(at + c.len_utf8()));
        }
        cuts
    }
}

/// What a template looks for in texts, and whether it turns them around.
#[derive(Debug)]
pub(super) struct Literals {
    texts: Vec<String>,
    reverses: bool,
}

impl Literals {
    /// More are not looked for: each takes a pass over the text.
    const MOST: usize = 64;

    pub(super) fn of(source: &str) -> Self {
        let mut texts: Vec<String> = Vec::new();
        let mut rest = source;
        while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
            let tag = rest.get(at..).unwrap_or_default();
            let close = if tag.starts_with("{{") { "}}" } else { "%}" };
            let end = lex::close_of(tag, close).unwrap_or(2);
            for token in lex::tokens(tag.get(2..end).unwrap_or_default()) {
                let literal = token.text().strip_prefix(['\'', '"']).filter(|_| texts.len() < Self::MOST);
                // Space at its ends is as good as none: where `\n</think>` is found, `</think>` is.
                let text = literal.map(|text| text.replace("\\n", "\n")).unwrap_or_default();
                let text = text.trim_end_matches(['\'', '"']).trim();
                if text.len() > 1
                    && !text.chars().all(char::is_alphanumeric)
                    && !texts.iter().any(|t| t == text)
                {
                    texts.push(text.to_owned());
                }
            }
            rest = tag.get(end..).unwrap_or_default();
        }
        Self { texts, reverses: source.contains("::-") || source.contains("reverse") }
    }

    /// Where a text has what the template looks for, unless that is itself a part of a control token.
    fn found_in(&self, text: &str, tokenizer: &Tokenizer) -> Vec<std::ops::Range<usize>> {
        let control = |part: &str| {
            tokenizer.spec().added.iter().any(|token| token.special && token.content.contains(part))
        };
        let matters = |part: &str| part.chars().any(|c| tokenizer.special_ends(c) != (false, false));
        let found = self.texts.iter().filter(|part| matters(part) && text.contains(*part) && !control(part));
        found.flat_map(|part| text.match_indices(part).map(|(at, part)| at..at + part.len())).collect()
    }
}

/// Where a text, trimmed or not, ends with the start of a control token or starts with the end of one. A whole text such
/// as a role's name may be the middle of a token; it only counts with an edge.
fn edges(tokenizer: &Tokenizer, text: &str) -> Vec<usize> {
    let mut cuts = Vec::new();
    for trimmed in [text, text.trim()] {
        let start = text.len() - text.trim_start().len();
        let offset = if trimmed.len() == text.len() { 0 } else { start };
        let (begins, ends) = tokenizer.special_edges(trimmed);
        cuts.extend(begins.then_some(offset));
        cuts.extend(ends.then_some(offset + trimmed.len()));
    }
    cuts
}

fn marks_in(key: &str, value: &Value, found: &mut String) {
    let mut add =
        |text: &str| found.extend(text.chars().filter(|c| ('\u{fdd0}'..='\u{fdef}').contains(c)).take(64));
    add(key);
    match value {
        Value::String(text) => add(text),
        Value::Array(items) => items.iter().for_each(|item| marks_in("", item, found)),
        Value::Object(map) => map.iter().for_each(|(key, item)| marks_in(key, item, found)),
        _ => {}
    }
}
