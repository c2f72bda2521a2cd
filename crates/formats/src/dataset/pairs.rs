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

/// `instruction`, then `input` below it where there is one; `output` is the answer.
pub(super) fn alpaca(row: &Map<String, Value>) -> Result<Vec<Message>> {
    let input = optional_text(row, "input")?;
    let instruction = text(row, "instruction")?;
    let asked = input.map_or_else(|| instruction.to_owned(), |input| format!("{instruction}\n\n{input}"));
    let system = optional_text(row, "system")?;
    let answer = say("assistant", text(row, "output")?);
    Ok(system.map(|text| say("system", text)).into_iter().chain([say("user", &asked), answer]).collect())
}

/// `prompt` and `completion`, both texts or both lists of messages.
pub(super) fn prompt_completion(row: &Map<String, Value>) -> Result<Record> {
    match (row.get("prompt"), row.get("completion")) {
        (Some(Value::Array(prompt)), Some(Value::Array(completion))) => {
            let messages = conversation(&[prompt.as_slice(), completion].concat())?;
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
    let side = |key: &str| -> Result<Vec<Message>> {
        let start = match row.get("prompt") {
            Some(Value::Array(prompt)) => prompt.clone(),
            Some(_) => vec![Value::Object(say("user", text(row, "prompt")?))],
            None => Vec::new(),
        };
        let repeats = |messages: &[Value]| start.last().is_some_and(|last| messages.contains(last));
        match row.get(key) {
            Some(Value::Array(messages)) if repeats(messages) => conversation(messages),
            Some(Value::Array(messages)) => conversation(&[start.as_slice(), messages].concat()),
            _ => conversation(
                &[start.as_slice(), &[Value::Object(say("assistant", text(row, key)?))]].concat(),
            ),
        }
    };
    Ok(Record::Preference { chosen: side("chosen")?, rejected: side("rejected")? })
}
