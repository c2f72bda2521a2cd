//! Which stretches of a rendered conversation the assistant says.

use std::cell::OnceCell;
use std::ops::Range;

use minijinja::Value;
use serde_json::Value as Json;

use super::conversation::{Message, Options};
use super::turns::{Budget, Conversation, role};
use super::{ChatTemplate, generation};
use crate::error::{Error, Kind, Result};
use crate::tokenizer::Tokenizer;

/// What the loss is taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrainOn {
    /// Every turn of the assistant's.
    #[default]
    Assistant,
    /// The assistant's turns from this message on.
    From(usize),
    /// The assistant's last turn.
    LastTurn,
    /// All text.
    Everything,
}

impl ChatTemplate {
    /// The text and the assistant's stretches in it from the message `first` on, each up to and including the token that
    /// ends the turn; `seen` are the same messages as the template sees them.
    ///
    /// Where the template marks them itself, its word counts. Otherwise a turn starts where the prompt for it ends
    /// and ends where the conversation up to it ends, if both are the start of the whole text; where only the prompt is,
    /// since the template writes the turn differently once another follows, it ends at the next control token. Failing
    /// that, and for the later turns of long conversations, the content is looked for behind the messages before it; where
    /// the template rewrites that too, the turn is what its message adds. It never has anything of what others say.
    ///
    /// # Errors
    /// [`Kind::Cost`] where looking for the content takes too much, [`Kind::Unsupported`] where it cannot be told what
    /// others say.
    pub(super) fn assistant_spans(
        &self,
        (messages, seen): (&[Message], &[Value]),
        text: String,
        first: usize,
        tokenizer: &Tokenizer,
        options: &Options,
    ) -> Result<(String, Vec<Range<usize>>)> {
        if self.marks_generation() {
            let (text, mut spans) = unmark(&text);
            leave_out(&mut spans, messages)?;
            let wanted = messages.iter().skip(first).filter(|message| is_learned(message)).count();
            spans.drain(..spans.len().saturating_sub(wanted).min(if first > 0 { spans.len() } else { 0 }));
            return Ok((text, spans));
        }
        let regions = OnceCell::new();
        let whole = Conversation { template: self, messages, seen, text: &text, tokenizer, options, regions };
        let mut budget = Budget::new();
        let mut spans = Vec::new();
        let mut from = 0;
        for (index, message) in messages.iter().enumerate() {
            if role(message) != "assistant" {
                continue;
            }
            let found = whole.turn(index, from, &mut budget)?;
            if let Some(span) = found.filter(|span| span.start >= from) {
                let end = turn_end(&text, &span, tokenizer);
                from = end;
                let learned = index >= first && is_learned(message);
                spans.extend(Some(span.start..end).filter(|span| !span.is_empty() && learned));
            }
        }
        Ok((text, spans))
    }
}

/// Whether a message is the assistant's and to be learned: `weight` 0, as in data for `OpenAI`'s training, says that it is only read.
fn is_learned(message: &Message) -> bool {
    role(message) == "assistant" && message.get("weight").and_then(Json::as_f64) != Some(0.0)
}

/// Takes out the marked spans of turns that are only read.
fn leave_out(spans: &mut Vec<Range<usize>>, messages: &[Message]) -> Result<()> {
    let turns = || messages.iter().filter(|message| role(message) == "assistant");
    if turns().all(is_learned) {
        return Ok(());
    }
    if turns().count() != spans.len() {
        let expected = "a template that marks each turn of the assistant's once";
        return Err(Error::new(Kind::Unsupported, "`weight`", expected, format!("{} marks", spans.len())));
    }
    let mut learned = turns().map(is_learned);
    spans.retain(|_| learned.next().unwrap_or(true));
    Ok(())
}

/// Where a turn really ends: behind the control token that closes it, before what leads to the next.
fn turn_end(text: &str, span: &Range<usize>, tokenizer: &Tokenizer) -> usize {
    let inside = text.get(span.clone()).unwrap_or_default();
    let trimmed = inside.trim_end();
    if tokenizer.special_at_end(trimmed) {
        return span.start + trimmed.len();
    }
    let behind = text.get(span.end..).unwrap_or_default();
    let closed = behind.trim_start();
    let closing = tokenizer.special_at_start(closed);
    closing.map_or(span.end, |len| text.len() - closed.len() + len)
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
