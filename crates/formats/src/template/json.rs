//! JSON as Python's `json.dumps` writes it: `", "` and `": "` between things, or a line each.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::{budget, python};

/// Writes `value`, each byte off the budget.
pub(super) fn dumps(value: &Value, style: &Style) -> Result<String, Error> {
    let mut out = Paid(String::new());
    style.write(value, 0, &mut out)?;
    Ok(out.0)
}

/// Text that is paid for as it grows.
struct Paid(String);

impl Paid {
    fn push(&mut self, text: &str) -> Result<(), Error> {
        budget::charge(text.len() as u64)?;
        self.0.push_str(text);
        Ok(())
    }
}

fn invalid(error: &serde_json::Error) -> Error {
    Error::new(ErrorKind::InvalidOperation, error.to_string())
}

/// The arguments of `json.dumps`.
pub(super) struct Style {
    /// Puts things on lines of their own, so many spaces further in.
    pub(super) indent: Option<usize>,
    /// Escapes what is not.
    pub(super) ascii: bool,
    /// By their keys.
    pub(super) sorted: bool,
    /// Between two things, and behind a key.
    pub(super) separators: [String; 2],
}

impl Style {
    fn write(&self, value: &Value, depth: usize, out: &mut Paid) -> Result<(), Error> {
        budget::check_depth(depth)?;
        budget::charge(budget::ITEM)?;
        match value.kind() {
            ValueKind::String => self.string(value.as_str().unwrap_or_default(), out),
            ValueKind::Seq | ValueKind::Iterable => self.list(value, depth, out),
            ValueKind::Map => self.map(value, depth, out),
            ValueKind::Number => out.push(&number(value)),
            _ => out.push(&serde_json::to_string(value).map_err(|e| invalid(&e))?),
        }
    }

    fn list(&self, value: &Value, depth: usize, out: &mut Paid) -> Result<(), Error> {
        out.push("[")?;
        let mut empty = true;
        for item in value.try_iter()? {
            self.between(empty, depth + 1, out)?;
            self.write(&item, depth + 1, out)?;
            empty = false;
        }
        self.end(empty, depth, "]", out)
    }

    fn map(&self, value: &Value, depth: usize, out: &mut Paid) -> Result<(), Error> {
        budget::charge(budget::size(value)?)?;
        let mut keys: Vec<Value> = value.try_iter()?.collect();
        if self.sorted {
            keys.sort();
        }
        out.push("{")?;
        let empty = keys.is_empty();
        for (index, key) in keys.iter().enumerate() {
            self.between(index == 0, depth + 1, out)?;
            self.key(key, out)?;
            out.push(&self.separators[1])?;
            self.write(&value.get_item(key)?, depth + 1, out)?;
        }
        self.end(empty, depth, "}", out)
    }

    /// Keys are strings, whatever they were.
    fn key(&self, key: &Value, out: &mut Paid) -> Result<(), Error> {
        match (key.as_str(), key.kind()) {
            (Some(text), _) => self.string(text, out),
            (None, ValueKind::Number) => self.string(&number(key), out),
            (None, ValueKind::Bool) => self.string(if key.is_true() { "true" } else { "false" }, out),
            (None, ValueKind::None) => self.string("null", out),
            _ => Err(Error::new(ErrorKind::InvalidOperation, "a key of JSON must be a string")),
        }
    }

    fn between(&self, first: bool, depth: usize, out: &mut Paid) -> Result<(), Error> {
        if !first {
            out.push(&self.separators[0])?;
        }
        self.line(depth, out)
    }

    fn end(&self, empty: bool, depth: usize, bracket: &str, out: &mut Paid) -> Result<(), Error> {
        if !empty {
            self.line(depth, out)?;
        }
        out.push(bracket)
    }

    fn line(&self, depth: usize, out: &mut Paid) -> Result<(), Error> {
        let Some(indent) = self.indent else { return Ok(()) };
        out.push("\n")?;
        out.push(&" ".repeat(indent * depth))
    }

    fn string(&self, text: &str, out: &mut Paid) -> Result<(), Error> {
        out.push("\"")?;
        let mut rest = text;
        while let Some(at) = rest.find(|c| self.escapes(c)) {
            let (plain, behind) = rest.split_at(at);
            out.push(plain)?;
            let mut chars = behind.chars();
            out.push(&chars.next().map(escape).unwrap_or_default())?;
            rest = chars.as_str();
        }
        out.push(rest)?;
        out.push("\"")
    }

    /// Not the noncharacters that mark people's text: the tokenizer looks for those.
    fn escapes(&self, c: char) -> bool {
        let marks = ('\u{fdd0}'..='\u{fdef}').contains(&c);
        c < ' ' || c == '"' || c == '\\' || (self.ascii && !c.is_ascii() && !marks)
    }
}

/// JSON has no word for these; Python has.
fn number(value: &Value) -> String {
    match python::number(value).as_str() {
        "inf" => "Infinity".into(),
        "-inf" => "-Infinity".into(),
        "nan" => "NaN".into(),
        number => number.into(),
    }
}

fn escape(c: char) -> String {
    match c {
        '"' => "\\\"".into(),
        '\\' => "\\\\".into(),
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        '\t' => "\\t".into(),
        '\u{8}' => "\\b".into(),
        '\u{c}' => "\\f".into(),
        c => {
            let units =
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>();
            units.concat()
        }
    }
}
