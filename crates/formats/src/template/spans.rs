//! Which stretches of a rendered conversation the assistant says.

use std::cell::OnceCell;
use std::ops::Range;

use minijinja::Value;

use super::conversation::{Message, Options};
use super::turns::{Budget, Conversation, role};
use super::{ChatTemplate, generation};
use crate::error::Result;
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
            let wanted = messages.iter().skip(first).filter(|message| role(message) == "assistant").count();
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
                spans.extend(Some(span.start..end).filter(|span| !span.is_empty() && index >= first));
            }
        }
        Ok((text, spans))
    }
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
