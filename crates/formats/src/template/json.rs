//! JSON as Python's `json.dumps` writes it: `", "` and `": "` between things, or a line each.

use std::fmt::Write;

use serde_json::Value;

/// Writes `value`; `indent` puts things on lines of their own, `ascii` escapes what is not.
pub(super) fn dumps(value: &Value, indent: Option<usize>, ascii: bool, sorted: bool) -> String {
    let mut out = String::new();
    Style { indent, ascii, sorted }.write(value, 0, &mut out);
    out
}

struct Style {
    indent: Option<usize>,
    ascii: bool,
    sorted: bool,
}

impl Style {
    fn write(&self, value: &Value, depth: usize, out: &mut String) {
        match value {
            Value::String(text) => self.string(text, out),
            Value::Array(items) if !items.is_empty() => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.between(index, depth + 1, out);
                    self.write(item, depth + 1, out);
                }
                self.line(depth, out);
                out.push(']');
            }
            Value::Object(map) if !map.is_empty() => {
                let mut pairs: Vec<_> = map.iter().collect();
                if self.sorted {
                    pairs.sort_by_key(|(key, _)| key.as_str());
                }
                out.push('{');
                for (index, (key, item)) in pairs.into_iter().enumerate() {
                    self.between(index, depth + 1, out);
                    self.string(key, out);
                    out.push_str(": ");
                    self.write(item, depth + 1, out);
                }
                self.line(depth, out);
                out.push('}');
            }
            other => out.push_str(&other.to_string()),
        }
    }

    fn between(&self, index: usize, depth: usize, out: &mut String) {
        if index > 0 {
            out.push_str(if self.indent.is_some() { "," } else { ", " });
        }
        self.line(depth, out);
    }

    fn line(&self, depth: usize, out: &mut String) {
        if let Some(indent) = self.indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent * depth));
        }
    }

    fn string(&self, text: &str, out: &mut String) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                c if c < ' ' || (self.ascii && !c.is_ascii()) => escape(c, out),
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

fn escape(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}
