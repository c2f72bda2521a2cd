//! Filters and functions as chat templates know them from Python.

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State};

use super::python::text_of;
use super::{budget, instrument, json};

/// How the message of `raise_exception` starts.
pub(super) const RAISED: &str = "the template says: ";

pub(super) fn register(env: &mut Environment<'static>) {
    env.add_filter(instrument::COST, cost);
    env.add_filter(instrument::TEXT, |bytes: u64| budget::charge(bytes).map(|()| ""));
    env.add_filter("tojson", tojson);
    env.add_filter("join", join);
    env.add_filter("replace", |text: &str, from: &str, to: &str, count: Option<usize>| {
        replace(text, from, to, count)
    });
    env.add_filter("indent", indent);
    env.add_filter("sum", sum);
    env.add_filter("items", |value: &Value| settled(minijinja::filters::items(value)?, true));
    env.add_filter("reverse", |value: &Value| {
        budget::charge(budget::size(value)?)?;
        settled(minijinja::filters::reverse(value)?, true)
    });
    env.add_filter("string", |value: &Value| {
        budget::written(value)?;
        Ok::<_, Error>(text_of(value))
    });
    env.add_function("raise_exception", |message: &str| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, format!("{RAISED}{message}")))
    });
}

pub(super) fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.to_owned())
}

/// Each character of a text is looked for among those that go.
pub(super) fn price_of_trimming(args: &[Value]) -> Result<(), Error> {
    let [text, chars, ..] = args else { return Ok(()) };
    budget::charge(budget::size(text)?.saturating_mul(budget::size(chars)?) / 16)
}

/// The value as it may be kept; see [`budget::settled`].
pub(super) fn settled(value: Value, names: bool) -> Result<Value, Error> {
    Ok(budget::settled(&value, names, 0)?.unwrap_or(value))
}

/// Takes the cost of one operation on `value` off the budget.
fn cost(value: Value, operation: &str) -> Result<Value, Error> {
    let container = matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::Iterable);
    match operation {
        "keep" => return settled(value, true),
        "assign" => return settled(value, false),
        "slice" if value.kind() == ValueKind::Iterable => return settled(value, true),
        "*" if value.kind() == ValueKind::Number || value.is_undefined() => {}
        "*" => return Err(invalid("only numbers can be multiplied")),
        "==" => drop(budget::compared(&value)?),
        "~" => {
            budget::written(&value)?;
            return Ok(if value.kind() == ValueKind::String { value } else { text_of(&value).into() });
        }
        // Adding makes a string of both sides, whatever they are.
        "+" if container => drop(budget::written(&value)?),
        _ => budget::charge(budget::size(&value)?)?,
    }
    Ok(value)
}

#[allow(clippy::needless_pass_by_value, reason = "filters take their keyword arguments by value")]
fn tojson(value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = kwargs.get("indent")?;
    let ascii = kwargs.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false);
    let sorted = kwargs.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    let indent = indent.filter(|n| *n <= 16);
    let comma = if indent.is_some() { "," } else { ", " };
    let separators = match kwargs.get::<Option<Vec<String>>>("separators")?.as_deref() {
        None => [comma, ": "].map(str::to_owned),
        Some([items, keys]) => [items.clone(), keys.clone()],
        Some(_) => return Err(invalid("separators are two strings")),
    };
    kwargs.assert_all_used()?;
    json::dumps(value, &json::Style { indent, ascii, sorted, separators })
}

/// Of numbers only: adding lists or texts one by one takes time that grows with their square.
fn sum(
    state: &State<'_, '_>,
    values: Value,
    attribute: Option<&str>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    budget::charge(budget::size(&values)?)?;
    let attribute = attribute.or(kwargs.get("attribute")?).map(str::to_owned);
    kwargs.assert_all_used()?;
    minijinja::filters::sum(state, values, attribute.as_deref(), None, kwargs)
}

pub(super) fn join(values: &Value, separator: Option<&str>) -> Result<String, Error> {
    let mut out = String::new();
    for (index, item) in values.try_iter()?.enumerate() {
        let separator = separator.filter(|_| index > 0).unwrap_or_default();
        budget::charge(separator.len() as u64)?;
        budget::written(&item)?;
        out.push_str(separator);
        out.push_str(&text_of(&item));
    }
    Ok(out)
}

pub(super) fn replace(text: &str, from: &str, to: &str, count: Option<usize>) -> Result<String, Error> {
    let count = count.unwrap_or(usize::MAX);
    // In 64 bits: a tab has 32, in which the product may be small again.
    let found = text.matches(from).take(count).count() as u64;
    budget::charge(found.saturating_mul(to.len() as u64).saturating_add(text.len() as u64))?;
    Ok(text.replacen(from, to, count))
}

fn indent(
    text: &str,
    width: Option<&Value>,
    first: Option<bool>,
    blank: Option<bool>,
) -> Result<String, Error> {
    let given = width.and_then(Value::as_str);
    let spaces = match width {
        Some(width) if given.is_none() => usize::try_from(width.clone())?,
        _ => 4,
    };
    let lines = text.split('\n').count() as u64;
    let width = given.map_or(spaces, str::len) as u64;
    budget::charge((text.len() as u64).saturating_add(width.saturating_mul(lines)))?;
    let pad = given.map_or_else(|| " ".repeat(spaces), str::to_owned);
    let mut out = String::new();
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let first_or_later = index > 0 || first.unwrap_or(false);
        if first_or_later && (blank.unwrap_or(false) || !line.trim().is_empty()) {
            out.push_str(&pad);
        }
        out.push_str(line);
    }
    Ok(out)
}

pub(super) fn format_value(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    if *state.auto_escape() != AutoEscape::None {
        return Err(invalid("autoescape is for web pages"));
    }
    if value.is_undefined() {
        return Ok(());
    }
    if let Some(text) = value.as_str() {
        budget::charge(text.len() as u64)?;
        return out.write_str(text).map_err(Error::from);
    }
    budget::written(value)?;
    out.write_str(&text_of(value)).map_err(Error::from)
}
