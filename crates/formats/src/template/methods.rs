//! Methods as chat templates know them from Python, with their cost.

use minijinja::value::{Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use super::filters::{invalid, join, price_of_trimming, replace, settled};
use super::{budget, words};

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
        ("rsplit", Some(text), [] | [_] | [_, _]) if args.first().is_none_or(Value::is_none) => {
            Ok(words::rsplit(text, most(args.get(1))).into_iter().collect())
        }
        ("copy", None, []) if matches!(value.kind(), ValueKind::Seq | ValueKind::Map) => Ok(value.clone()),
        (
            "removeprefix" | "removesuffix" | "partition" | "rpartition" | "rsplit",
            Some(text),
            [part, rest @ ..],
        ) => {
            let part = part.as_str().ok_or_else(|| invalid(&format!("{name} takes a string")))?;
            cut(text, name, part, rest)
        }
        ("split", Some(text), [] | [_] | [_, _]) if args.first().is_none_or(Value::is_none) => {
            Ok(words::split(text, most(args.get(1))).into_iter().collect())
        }
        ("splitlines", Some(text), [] | [_]) => {
            Ok(words::lines(text, args.first().is_some_and(Value::is_true)).into_iter().collect())
        }
        ("strip", Some(text), []) => Ok(text.trim_matches(words::is_space).into()),
        ("lstrip", Some(text), []) => Ok(text.trim_start_matches(words::is_space).into()),
        ("rstrip", Some(text), []) => Ok(text.trim_end_matches(words::is_space).into()),
        ("isspace", Some(text), []) => Ok((!text.is_empty() && text.chars().all(words::is_space)).into()),
        ("title", Some(text), []) => Ok(words::title(text).into()),
        _ => {
            if name == "count" && text.is_none() {
                budget::compared(value)?;
            }
            settled(minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)?, true)
        }
    }
}

/// How often at most; as in Python, a count below zero is none.
fn most(count: Option<&Value>) -> usize {
    count.and_then(|count| usize::try_from(count.as_i64()?).ok()).unwrap_or(usize::MAX)
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
            let parts = text.rsplitn(most(rest.first()).saturating_add(1), part);
            let parts: Vec<Value> = parts.map(Value::from).collect();
            parts.into_iter().rev().collect()
        }
        _ => return Err(invalid(&format!("too many arguments of {name}"))),
    })
}
