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
pub(super) fn conversation(messages: &[Value]) -> Result<Vec<Message>> {
    let messages = messages.iter().map(message).collect::<Result<Vec<_>>>()?;
    check(&messages)?;
    Ok(messages)
}

/// `conversations`: `from` and `value`, under the names that this format uses for roles.
pub(super) fn sharegpt(row: &Map<String, Value>) -> Result<Vec<Message>> {
    let key = if row.contains_key("conversations") { "conversations" } else { "conversation" };
    let turns = list(row, key)?.iter().map(turn).collect::<Result<Vec<_>>>()?;
    let system = optional_text(row, "system")?;
    let messages: Vec<Message> = system.map(|text| say("system", text)).into_iter().chain(turns).collect();
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
    let role = match text(turn, "from")? {
        "system" => "system",
        "human" | "user" => "user",
        "gpt" | "assistant" | "chatgpt" | "bing" | "bard" | "model" => "assistant",
        "tool" | "function_response" | "observation" => "tool",
        other => return Err(Error::new(Kind::Value, "`from`", "system, human, gpt or tool", other)),
    };
    Ok(say(role, text(turn, "value")?))
}

/// There must be something to learn, and someone must have asked for it.
fn check(messages: &[Message]) -> Result<()> {
    let role = |message: &Message| message.get("role").and_then(Value::as_str).unwrap_or_default().to_owned();
    let empty = |message: &&Message| {
        role(message) == "assistant"
            && message.get("content").and_then(Value::as_str).is_some_and(|c| c.trim().is_empty())
            && !message.contains_key("tool_calls")
    };
    let speaker = messages.iter().map(role).find(|role| !matches!(role.as_str(), "system" | "developer"));
    match speaker.as_deref() {
        None => return Err(Error::new(Kind::Missing, "messages", "a user's message", "none")),
        Some("assistant") => {
            return Err(Error::new(Kind::Value, "messages", "the user to start", "the assistant"));
        }
        Some(_) => {}
    }
    if !messages.iter().any(|message| role(message) == "assistant") {
        return Err(Error::new(Kind::Missing, "messages", "an assistant's message", "none"));
    }
    if messages.iter().find(empty).is_some() {
        return Err(Error::new(Kind::Value, "messages", "assistant's messages with content", "an empty one"));
    }
    Ok(())
}
