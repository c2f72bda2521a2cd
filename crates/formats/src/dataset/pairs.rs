//! Rows of two or three texts: Alpaca, prompt and completion, preference pairs.

use serde_json::{Map, Value};

use super::chat::{conversation, say};
use super::reader::Record;
use crate::error::{Error, Kind, Result};
use crate::json::type_name;
use crate::template::Message;

/// The text under `key`, which must be there and not blank.
pub(super) fn text<'r>(row: &'r Map<String, Value>, key: &str) -> Result<&'r str> {
    let field = || format!("`{key}`");
    match row.get(key) {
        Some(Value::String(text)) if text.trim().is_empty() => {
            Err(Error::new(Kind::Value, field(), "a text", "an empty one"))
        }
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(Error::new(Kind::Type, field(), "a text", type_name(other))),
        None => Err(Error::new(Kind::Missing, field(), "a text", "nothing")),
    }
}

/// The text under `key`, where there is one that is not blank; nothing else may stand there.
pub(super) fn optional_text<'r>(row: &'r Map<String, Value>, key: &str) -> Result<Option<&'r str>> {
    match row.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.trim().is_empty())),
        Some(other) => Err(Error::new(Kind::Type, format!("`{key}`"), "a text", type_name(other))),
    }
}

/// `instruction`, then `input` below it where there is one; `output` is the answer. `history` has earlier questions and
/// answers.
pub(super) fn alpaca(row: &Map<String, Value>) -> Result<Vec<Message>> {
    let input = optional_text(row, "input")?;
    let instruction = text(row, "instruction")?;
    let asked = input.map_or_else(|| instruction.to_owned(), |input| format!("{instruction}\n\n{input}"));
    let system = optional_text(row, "system")?;
    let answer = say("assistant", text(row, "output")?);
    let system = system.map(|text| say("system", text)).into_iter();
    Ok(system.chain(history(row)?).chain([say("user", &asked), answer]).collect())
}

/// Earlier turns: a list of pairs of a question and its answer.
fn history(row: &Map<String, Value>) -> Result<Vec<Message>> {
    match row.get("history") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(Vec::new()),
        Some(Value::Array(pairs)) => Ok(pairs.iter().map(past).collect::<Result<Vec<_>>>()?.concat()),
        Some(other) => Err(no_history(other)),
    }
}

fn past(pair: &Value) -> Result<[Message; 2]> {
    let Some([asked, answer]) = pair.as_array().map(Vec::as_slice) else { return Err(no_history(pair)) };
    let said = |role, value: &Value| match value.as_str() {
        Some(text) if text.trim().is_empty() => {
            Err(Error::new(Kind::Value, "`history`", "texts", "an empty one"))
        }
        Some(text) => Ok(say(role, text)),
        None => Err(no_history(value)),
    };
    Ok([said("user", asked)?, said("assistant", answer)?])
}

fn no_history(found: &Value) -> Error {
    Error::new(Kind::Type, "`history`", "a list of questions with their answers", type_name(found))
}

/// `prompt` and `completion`, both texts or both lists of messages.
pub(super) fn prompt_completion(row: &Map<String, Value>) -> Result<Record> {
    match (row.get("prompt"), row.get("completion")) {
        (Some(Value::Array(prompt)), Some(Value::Array(completion))) => {
            let messages = conversation(prompt.iter().chain(completion))?;
            Ok(Record::Continued { messages, prompt: prompt.len() })
        }
        _ => Ok(Record::Pair {
            prompt: text(row, "prompt")?.into(),
            completion: text(row, "completion")?.into(),
        }),
    }
}

/// `chosen` and `rejected`, each a text or messages after `prompt`, or a conversation that repeats what `prompt` says.
pub(super) fn preference(row: &Map<String, Value>) -> Result<Record> {
    let asked = match row.get("prompt") {
        None | Some(Value::Array(_)) => None,
        Some(_) => Some(Value::Object(say("user", text(row, "prompt")?))),
    };
    let prompt = row.get("prompt").and_then(Value::as_array);
    let start: Vec<&Value> = prompt.into_iter().flatten().chain(&asked).collect();
    let repeats = |messages: &[Value]| start.last().is_some_and(|last| messages.contains(last));
    let after = |messages: &[Value]| conversation(start.iter().copied().chain(messages));
    let side = |key: &str| match row.get(key) {
        Some(Value::Array(messages)) if repeats(messages) => conversation(messages),
        Some(Value::Array(messages)) => after(messages),
        _ => after(&[Value::Object(say("assistant", text(row, key)?))]),
    };
    let (chosen, rejected) = (side("chosen")?, side("rejected")?);
    if chosen == rejected {
        return Err(Error::new(Kind::Value, "`rejected`", "another answer than `chosen`", "the same"));
    }
    Ok(Record::Preference { chosen, rejected })
}
