//! Keeps text from people apart from control tokens.

use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result};
use crate::tokenizer::Tokenizer;

/// Noncharacters that can mark a text; the first one that the text does not contain is taken. The first two of the
/// block mark generated spans.
const MARKS: std::ops::RangeInclusive<char> = '\u{fdd2}'..='\u{fdef}';

/// Breaks every spelling of a control token in the texts it is given.
pub(super) struct Guard<'t> {
    tokenizer: &'t Tokenizer,
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
    pub(super) fn new(tokenizer: &'t Tokenizer, texts: &[Map<String, Value>]) -> Result<Self> {
        let mut found = String::new();
        for (key, value) in texts.iter().flatten() {
            marks_in(key, value, &mut found);
        }
        let mark = MARKS.clone().find(|mark| !found.contains(*mark)).ok_or_else(|| {
            Error::new(Kind::Encoding, "message", "text", "every noncharacter from U+FDD2 to U+FDEF")
        })?;
        Ok(Self { tokenizer, mark, used: false, found })
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

    /// Marks inside each control token, and at edges where one could grow together with what comes next.
    fn text(&mut self, text: &str) -> String {
        if !self.tokenizer.may_spell_special(text) {
            return text.to_owned();
        }
        let first = |at: usize| text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let mut cuts: Vec<usize> = self.tokenizer.specials_in(text).map(|at| at + first(at)).collect();
        cuts.extend(edges(self.tokenizer, text));
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
