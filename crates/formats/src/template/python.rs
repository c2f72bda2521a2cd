//! Values as Python's `str` and `repr` write them.

use minijinja::value::{Value, ValueKind};

use crate::tokenizer::is_printable;

/// A value as Python's `str()` writes it.
pub(super) fn text_of(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None if value.is_undefined() => String::new(),
        None => {
            let mut out = String::new();
            repr(value, &mut out);
            out
        }
    }
}

/// A number as Python writes it; of a `float`, the fewest digits that mean it, `1e-05` and `1e+16` beyond ±16 places.
pub(super) fn number(value: &Value) -> String {
    match f64::try_from(value.clone()) {
        Ok(number) if !value.is_integer() => float(number),
        _ => value.to_string(),
    }
}

fn float(number: f64) -> String {
    if !number.is_finite() {
        return number.to_string().to_lowercase();
    }
    let scientific = format!("{number:e}");
    let parts =
        scientific.split_once('e').and_then(|(digits, exponent)| Some((digits, exponent.parse().ok()?)));
    match parts {
        Some((digits, exponent @ (..-4 | 16..))) => {
            let sign = if exponent < 0_i32 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => format!("{number:?}"),
    }
}

/// A value as Python's `repr()` writes it; who calls this has paid for it and checked its depth.
fn repr(value: &Value, out: &mut String) {
    let names = value.as_object().is_some_and(|object| {
        let kind = object.type_name();
        kind.ends_with("::Namespace") || kind.ends_with("::Loop")
    });
    match value.kind() {
        ValueKind::String => quoted(value.as_str().unwrap_or_default(), out),
        ValueKind::Number => out.push_str(&number(value)),
        ValueKind::Undefined => out.push_str("Undefined"),
        ValueKind::Seq => list(value, out),
        ValueKind::Iterable if value.len().is_some() => list(value, out),
        ValueKind::Map if !names => map(value, out),
        // `True`, `False` and `None` among them.
        _ => out.push_str(&value.to_string()),
    }
}

fn list(value: &Value, out: &mut String) {
    let [open, close] = if value.is_tuple() { ['(', ')'] } else { ['[', ']'] };
    out.push(open);
    let mut count = 0;
    for item in value.try_iter().into_iter().flatten() {
        out.push_str(if count > 0 { ", " } else { "" });
        repr(&item, out);
        count += 1;
    }
    out.push_str(if count == 1 && value.is_tuple() { "," } else { "" });
    out.push(close);
}

fn map(value: &Value, out: &mut String) {
    out.push('{');
    for (index, key) in value.try_iter().into_iter().flatten().enumerate() {
        out.push_str(if index > 0 { ", " } else { "" });
        repr(&key, out);
        out.push_str(": ");
        repr(&value.get_item(&key).unwrap_or_default(), out);
    }
    out.push('}');
}

fn quoted(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        // The noncharacters that mark people's text stay: the tokenizer looks for those.
        let marks = ('\u{fdd0}'..='\u{fdef}').contains(&c);
        match c {
            _ if c == quote || c == '\\' => out.extend(['\\', c]),
            _ if marks || is_printable(c) => out.push(c),
            _ => out.push_str(&escaped(c)),
        }
    }
    out.push(quote);
}

fn escaped(c: char) -> String {
    match (c, u32::from(c)) {
        ('\n', _) => "\\n".into(),
        ('\r', _) => "\\r".into(),
        ('\t', _) => "\\t".into(),
        (_, code @ ..0x100) => format!("\\x{code:02x}"),
        (_, code @ ..0x1_0000) => format!("\\u{code:04x}"),
        (_, code) => format!("\\U{code:08x}"),
    }
}
