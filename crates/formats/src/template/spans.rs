//! Which stretches of a rendered conversation the assistant says.

use std::ops::Range;

use super::conversation::{Message, Options};
use super::{ChatTemplate, generation};
use crate::tokenizer::Tokenizer;

/// What the loss is taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrainOn {
    /// Every turn of the assistant's.
    #[default]
    Assistant,
    /// The assistant's last turn.
    LastTurn,
    /// All text.
    Everything,
}

impl ChatTemplate {
    /// The text and the assistant's stretches in it, each up to and including the token that ends the turn.
    ///
    /// Where the template marks them itself, its word counts. Otherwise a turn starts where the prompt for it ends
    /// and ends where the conversation up to it ends, if both are the start of the whole text; for templates that
    /// write earlier turns differently, the content is looked for behind the turns before it.
    pub(super) fn assistant_spans(
        &self,
        messages: &[Message],
        text: String,
        tokenizer: &Tokenizer,
        options: &Options,
    ) -> (String, Vec<Range<usize>>) {
        if self.marks_generation() {
            return unmark(&text);
        }
        let mut spans = Vec::new();
        let mut from = 0;
        for (index, message) in messages.iter().enumerate() {
            if role(message) != "assistant" {
                continue;
            }
            let found = match self.by_prefix(messages, index, &text, options) {
                Some(span) => Some(span),
                None => by_content(message, &text, from),
            };
            if let Some(span) = found.filter(|span| span.start >= from) {
                let end = turn_end(&text, &span, tokenizer);
                from = end;
                spans.extend(Some(span.start..end).filter(|span| !span.is_empty()));
            }
        }
        (text, spans)
    }

    fn by_prefix(
        &self,
        messages: &[Message],
        index: usize,
        text: &str,
        options: &Options,
    ) -> Option<Range<usize>> {
        let prompt = self.run(messages.get(..index)?, true, options).ok()?;
        if !text.starts_with(&prompt) {
            return None;
        }
        if index + 1 == messages.len() {
            return Some(prompt.len()..text.len());
        }
        let turn = self.run(messages.get(..=index)?, false, options).ok()?;
        (text.starts_with(&turn) && turn.len() >= prompt.len()).then_some(prompt.len()..turn.len())
    }
}

fn role(message: &Message) -> &str {
    message.get("role").and_then(serde_json::Value::as_str).unwrap_or_default()
}

fn by_content(message: &Message, text: &str, from: usize) -> Option<Range<usize>> {
    let content = message.get("content")?.as_str()?.trim();
    let at = text.get(from..)?.find(content).filter(|_| !content.is_empty())?;
    Some(from + at..from + at + content.len())
}

/// Where a turn really ends: behind the control token that closes it, before what leads to the next.
fn turn_end(text: &str, span: &Range<usize>, tokenizer: &Tokenizer) -> usize {
    let specials = || tokenizer.spec().added.iter().filter(|token| token.special).map(|token| &token.content);
    let inside = text.get(span.clone()).unwrap_or_default();
    let trimmed = inside.trim_end();
    if specials().any(|special| trimmed.ends_with(special.as_str())) {
        return span.start + trimmed.len();
    }
    let behind = text.get(span.end..).unwrap_or_default();
    let space = behind.len() - behind.trim_start().len();
    let closing =
        specials().filter(|special| behind.trim_start().starts_with(special.as_str())).map(String::len).max();
    closing.map_or(span.end, |len| span.end + space + len)
}

/// Takes the marks of generated spans out and says where they were.
fn unmark(text: &str) -> (String, Vec<Range<usize>>) {
    let mut out = String::with_capacity(text.len());
    let mut spans = Vec::new();
    let mut start = None;
    for c in text.chars() {
        match c {
            generation::START => start = Some(out.len()),
            generation::END => spans.extend(start.take().map(|start| start..out.len())),
            c => out.push(c),
        }
    }
    spans.retain(|span: &Range<usize>| !span.is_empty());
    (out, spans)
}
