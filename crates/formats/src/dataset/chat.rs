//! Rows that are conversations: chat messages and ShareGPT.

use serde_json::{Map, Value};

use super::pairs::optional_text;
use crate::error::{Error, Kind, Result};
use crate::json::type_name;
use crate::template::{Message, ROLES};

fn list<'r>(row: &'r Map<String, Value>, key: &str) -> Result<&'r Vec<Value>> {
    let value = row.get(key).unwrap_or(&Value::Null);
    value
        .as_array()
        .ok_or_else(|| Error::new(Kind::Type, format!("`{key}`"), "a list of messages", type_name(value)))
}

/// `messages`: roles and contents as they are, other fields kept for the template.
pub(super) fn messages(row: &Map<String, Value>) -> Result<Vec<Message>> {
    conversation(list(row, "messages")?)
}

/// A list of messages, checked.
pub(super) fn conversation<'m>(messages: impl IntoIterator<Item = &'m Value>) -> Result<Vec<Message>> {
    let messages = messages.into_iter().map(message).collect::<Result<Vec<_>>>()?;
    check(&messages)?;
    Ok(messages)
}

/// `conversations`: `from` and `value`, under the names that this format uses for roles.
pub(super) fn sharegpt(row: &Map<String, Value>) -> Result<Vec<Message>> {
    let key = if row.contains_key("conversations") { "conversations" } else { "conversation" };
    let mut messages = list(row, key)?.iter().map(turn).collect::<Result<Vec<_>>>()?;
    if let Some(text) = optional_text(row, "system")? {
        let system = say("system", text);
        match messages.first().filter(|first| role(first) == "system") {
            Some(first) if *first != system => return Err(twice("`system`", "another in the first turn")),
            Some(_) => {}
            None => messages.insert(0, system),
        }
    }
    check(&messages)?;
    Ok(messages)
}

/// A message of a role and a text.
pub(super) fn say(role: &str, content: &str) -> Message {
    [("role", role), ("content", content)].into_iter().map(|(k, v)| (k.to_owned(), v.into())).collect()
}

fn object(value: &Value) -> Result<&Map<String, Value>> {
    value.as_object().ok_or_else(|| Error::new(Kind::Type, "message", "an object", type_name(value)))
}

fn text<'m>(message: &'m Map<String, Value>, key: &str) -> Result<&'m str> {
    let wrong = |found: &str| Error::new(Kind::Type, format!("`{key}`"), "a text", found);
    match message.get(key) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(wrong(type_name(other))),
        None => Err(Error::new(Kind::Missing, format!("`{key}`"), "a text", "nothing")),
    }
}

fn message(value: &Value) -> Result<Message> {
    let message = object(value)?;
    agree(message)?;
    let role = text(message, "role")?;
    if !ROLES.contains(&role) {
        return Err(Error::new(Kind::Value, "`role`", format!("one of {}", ROLES.join(", ")), role));
    }
    let calls = message.get("tool_calls").is_some_and(|calls| !calls.is_null());
    match message.get("content") {
        Some(Value::Array(_)) => {}
        None | Some(Value::Null) if calls => {}
        _ => {
            text(message, "content")?;
        }
    }
    Ok(message.clone())
}

fn turn(value: &Value) -> Result<Message> {
    let turn = object(value)?;
    if turn.contains_key("role") {
        return message(value);
    }
    agree(turn)?;
    let from = text(turn, "from")?;
    let wrong = || Error::new(Kind::Value, "`from`", "system, human, gpt or tool", from);
    Ok(say(speaker(from).ok_or_else(wrong)?, text(turn, "value")?))
}

/// The role that ShareGPT calls by this name.
fn speaker(from: &str) -> Option<&'static str> {
    Some(match from {
        "system" => "system",
        "human" | "user" => "user",
        "gpt" | "assistant" | "chatgpt" | "bing" | "bard" | "model" => "assistant",
        "tool" | "function_response" | "observation" => "tool",
        _ => return None,
    })
}

/// A turn that has the fields of both formats must say the same in both: which one is meant is not ours to choose.
fn agree(turn: &Map<String, Value>) -> Result<()> {
    let text = |key: &str| turn.get(key).and_then(Value::as_str);
    let differ = |ours: Option<&str>, theirs: Option<&str>| ours.zip(theirs).is_some_and(|(a, b)| a != b);
    if differ(text("role"), text("from").and_then(speaker)) {
        return Err(twice("`role` and `from`", "different ones"));
    }
    if differ(text("content"), text("value")) {
        return Err(twice("`content` and `value`", "different ones"));
    }
    Ok(())
}

fn twice(field: &str, found: &str) -> Error {
    Error::new(Kind::Mismatch, field, "the same in both places", found)
}

fn role(message: &Message) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

/// Who speaks of the conversation, not in it.
fn instructs(message: &Message) -> bool {
    matches!(role(message), "system" | "developer")
}

/// There must be something to learn, and someone must have asked for it. What instructs comes first: many templates
/// look for it nowhere else, and would leave it out without a word.
fn check(messages: &[Message]) -> Result<()> {
    let wrong = |expected: &str, found: &str| Err(Error::new(Kind::Value, "messages", expected, found));
    let mut turns = messages.iter().skip_while(|message| instructs(message));
    match turns.clone().next().map(role) {
        None => return Err(Error::new(Kind::Missing, "messages", "a user's message", "none")),
        Some("assistant") => return wrong("the user to start", "the assistant"),
        Some(_) => {}
    }
    if turns.clone().any(instructs) {
        return wrong("system messages at the start alone", "one between the turns");
    }
    if !messages.iter().any(|message| role(message) == "assistant") {
        return Err(Error::new(Kind::Missing, "messages", "an assistant's message", "none"));
    }
    match turns.find(|message| is_empty(message)).map(role) {
        Some(role) => wrong(&format!("{role}'s messages with content"), "an empty one"),
        None => Ok(()),
    }
}

/// Whether someone says nothing in a turn that is theirs; a tool may have nothing to say.
fn is_empty(message: &Message) -> bool {
    let blank = message.get("content").and_then(Value::as_str).is_some_and(|text| text.trim().is_empty());
    blank && matches!(role(message), "user" | "assistant") && !message.contains_key("tool_calls")
}
