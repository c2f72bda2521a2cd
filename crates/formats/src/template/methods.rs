//! Methods as chat templates know them from Python, with their cost.

use minijinja::value::{Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use super::budget;
use super::filters::{invalid, join, price_of_trimming, replace, settled};

/// Python's methods: what neither this file nor `pycompat` names does not exist.
pub(super) fn method(
    state: &mut State<'_, '_>,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let text = value.as_str();
    match (name, text, args) {
        ("join", Some(separator), [items]) => return join(items, Some(separator)).map(Value::from),
        ("replace", Some(text), [from, to, count @ ..]) if count.len() < 2 => {
            let part =
                |v: &Value| v.as_str().map(str::to_owned).ok_or_else(|| invalid("replace takes strings"));
            // As in Python, a count below zero is none.
            let count = count.first().and_then(|count| usize::try_from(count.as_i64()?).ok());
            return replace(text, &part(from)?, &part(to)?, count).map(Value::from);
        }
        ("strip" | "lstrip" | "rstrip", Some(_), [chars]) => {
            price_of_trimming(&[value.clone(), chars.clone()])?;
        }
        ("format" | "center" | "ljust" | "rjust" | "zfill" | "expandtabs" | "translate", Some(_), _) => {
            return Err(Error::new(
                ErrorKind::UnknownMethod,
                format!("strings have no method `{name}` here"),
            ));
        }
        _ => {}
    }
    let times = match name {
        "split" | "rsplit" | "splitlines" | "partition" | "rpartition" => budget::ITEM,
        // Some characters become three.
        "upper" | "lower" | "title" | "capitalize" => 3,
        _ => 1,
    };
    budget::charge(budget::size(value)?.saturating_mul(times))?;
    args.iter().try_for_each(|arg| budget::compared(arg).map(drop))?;
    match (name, text, args) {
        ("copy", None, []) if matches!(value.kind(), ValueKind::Seq | ValueKind::Map) => Ok(value.clone()),
        (
            "removeprefix" | "removesuffix" | "partition" | "rpartition" | "rsplit",
            Some(text),
            [part, rest @ ..],
        ) => {
            let part = part.as_str().ok_or_else(|| invalid(&format!("{name} takes a string")))?;
            cut(text, name, part, rest)
        }
        _ => {
            if name == "count" && text.is_none() {
                budget::compared(value)?;
            }
            settled(minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)?, true)
        }
    }
}

/// A text at `part`, from either end; the cost is paid.
fn cut(text: &str, name: &str, part: &str, rest: &[Value]) -> Result<Value, Error> {
    let three = |parts: [&str; 3]| Value::from(Tuple::from(parts.map(Value::from).to_vec()));
    Ok(match (name, rest) {
        ("removeprefix", []) => text.strip_prefix(part).unwrap_or(text).into(),
        ("removesuffix", []) => text.strip_suffix(part).unwrap_or(text).into(),
        (_, _) if part.is_empty() => return Err(invalid("an empty separator")),
        ("partition", []) => three(text.split_once(part).map_or([text, "", ""], |(a, b)| [a, part, b])),
        ("rpartition", []) => three(text.rsplit_once(part).map_or(["", "", text], |(a, b)| [a, part, b])),
        ("rsplit", [] | [_]) => {
            // As in Python, a count below zero is none.
            let count = rest.first().and_then(|count| usize::try_from(count.as_i64()?).ok());
            let parts = text.rsplitn(count.map_or(usize::MAX, |count| count.saturating_add(1)), part);
            let parts: Vec<Value> = parts.map(Value::from).collect();
            parts.into_iter().rev().collect()
        }
        _ => return Err(invalid(&format!("too many arguments of {name}"))),
    })
}
