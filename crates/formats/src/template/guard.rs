//! Keeps text from people apart from control tokens.

use serde_json::{Map, Value};

use super::literals::Literals;
use crate::error::{Error, Kind, Result};
use crate::tokenizer::Tokenizer;

/// Noncharacters that can mark a text; the first one that the text does not contain is taken. The first two of the
/// block mark generated spans.
const MARKS: std::ops::RangeInclusive<char> = '\u{fdd2}'..='\u{fdef}';
/// What the spelling of each noncharacter starts with.
const LEAD: u8 = 0xef;

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
    /// [`Kind::Encoding`] where the texts contain every noncharacter that could mark them, [`Kind::Value`] for a letter
    /// that is a control token: no mark can be put inside it.
    pub(super) fn new(
        tokenizer: &'t Tokenizer,
        template: &'t Literals,
        texts: &[Map<String, Value>],
    ) -> Result<Self> {
        let (mut found, mut lone) = (String::new(), None);
        let mut look = |text: &str| {
            if text.as_bytes().contains(&LEAD) {
                found.extend(text.chars().filter(|c| ('\u{fdd0}'..='\u{fdef}').contains(c)).take(64));
            }
            lone = lone.or_else(|| tokenizer.lone_special(text));
        };
        texts.iter().flatten().for_each(|(key, value)| each_text(key, value, &mut look));
        if let Some(letter) = lone {
            let expected = "text without a letter that is a control token";
            return Err(Error::new(Kind::Value, "message", expected, format!("{letter:?}")));
        }
        let mark = MARKS.clone().find(|mark| !found.contains(*mark)).ok_or_else(|| {
            Error::new(Kind::Encoding, "message", "text", "every noncharacter from U+FDD2 to U+FDEF")
        })?;
        Ok(Self { tokenizer, template, mark, used: false, found })
    }

    /// The same message with every string broken where needed.
    pub(super) fn map(&mut self, map: &Map<String, Value>) -> Map<String, Value> {
        let mut guarded =
            |key: &String, value| (self.text(key, self.template.has_key(key)), self.value(key, value));
        map.iter().map(|(key, value)| guarded(key, value)).collect()
    }

    fn value(&mut self, key: &str, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let known = matches!(key, "role" | "type") && self.template.has_value(text);
                Value::String(self.text(text, known))
            }
            Value::Array(items) => items.iter().map(|item| self.value("", item)).collect(),
            Value::Object(map) => Value::Object(self.map(map)),
            other => other.clone(),
        }
    }

    /// Marks beside each character that a control token could be made of, by what comes next, by taking out what is
    /// between, or by changing case; and before a text that could be the middle of one, unless the template knows it.
    fn text(&mut self, text: &str, known: bool) -> String {
        let mut cuts = self.loose_ends(text);
        if cuts.is_empty() && !known && self.tokenizer.inside_special(text) {
            cuts.push(text.len() - text.trim_start().len());
        }
        if cuts.is_empty() {
            return text.to_owned();
        }
        self.used = true;
        let mark = self.mark.to_string();
        let mut out = String::with_capacity(text.len() + cuts.len() * mark.len());
        let mut done = 0;
        for cut in cuts {
            out.push_str(text.get(done..cut).unwrap_or_default());
            out.push_str(&mark);
            done = cut;
        }
        out.push_str(text.get(done..).unwrap_or_default());
        out
    }

    /// Behind each character that starts a control token and before each that ends one; on both sides where the
    /// template turns texts around. Not inside of what the template looks for, and of tokens that people may write,
    /// unless a control token starts there.
    fn loose_ends(&self, text: &str) -> Vec<usize> {
        let mut cuts = Vec::new();
        let mut ends = self.tokenizer.special_ends_in(text).peekable();
        if ends.peek().is_none() {
            return cuts;
        }
        let mut whole = self.tokenizer.others_in(text);
        whole.extend(self.template.found_in(text, self.tokenizer));
        if !whole.is_empty() {
            let first =
                |at: usize| text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            cuts.extend(self.tokenizer.specials_in(text).map(|at| at + first(at)));
            cuts.extend(edges(self.tokenizer, text));
        }
        whole.sort_unstable_by_key(|range| range.start);
        let mut whole = whole.into_iter().peekable();
        let mut end = 0;
        for (range, (starts, ends)) in ends {
            while let Some(found) = whole.next_if(|found| found.start <= range.start) {
                end = found.end.max(end);
            }
            if range.start >= end {
                cuts.extend((ends || self.template.reverses).then_some(range.start));
                cuts.extend((starts || self.template.reverses).then_some(range.end));
            }
        }
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }
}

/// Where a text, trimmed or not, ends with the start of a control token or starts with the end of one.
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

fn each_text(key: &str, value: &Value, look: &mut dyn FnMut(&str)) {
    look(key);
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().for_each(|item| each_text("", item, look)),
        Value::Object(map) => map.iter().for_each(|(key, item)| each_text(key, item, look)),
        _ => {}
    }
}
