//! Which stretches of a rendered conversation the assistant says.

use std::ops::Range;

use minijinja::Value;

use super::conversation::{Message, Options};
use super::{ChatTemplate, generation};
use crate::error::{Error, Kind, Result};
use crate::limits;
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

/// What finding the turns of one conversation may cost.
struct Budget {
    /// Instructions left for running the template over parts of the conversation.
    fuel: u64,
    /// Bytes left for looking through the rendered text.
    bytes: u64,
}

impl Budget {
    /// Bytes that are copied in the time of one instruction.
    const BYTES_A_STEP: u64 = 64;
    /// What a run that failed is taken to have cost.
    const FAILED: u64 = limits::TURNS_FUEL / 16;

    fn new() -> Self {
        super::budget::for_turns();
        Self { fuel: limits::TURNS_FUEL, bytes: 256 << 20 }
    }

    /// Runs the template, while there is fuel.
    fn run(
        &mut self,
        template: &ChatTemplate,
        messages: &[Value],
        prompt: bool,
        options: &Options,
    ) -> Option<String> {
        if self.fuel == 0 {
            return None;
        }
        let ran = template.run_metered(messages, prompt, options);
        self.fuel = self.fuel.saturating_sub(match &ran {
            Ok((text, fuel)) => fuel + text.len() as u64 / Self::BYTES_A_STEP,
            // What takes too much would take it for every turn.
            Err(error) if error.kind == Kind::Cost => self.fuel,
            Err(_) => Self::FAILED,
        });
        ran.ok().map(|(text, _)| text)
    }
}

impl ChatTemplate {
    /// The text and the assistant's stretches in it from the message `first` on, each up to and including the token that
    /// ends the turn; `seen` are the same messages as the template sees them.
    ///
    /// Where the template marks them itself, its word counts. Otherwise a turn starts where the prompt for it ends
    /// and ends where the conversation up to it ends, if both are the start of the whole text; where only the prompt is,
    /// since the template writes the turn differently once another follows, it ends at the next control token. Failing
    /// that, and for the later turns of long conversations, the content is looked for behind the turns before it.
    ///
    /// # Errors
    /// [`Kind::Cost`] where looking for the content takes too much.
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
        let mut budget = Budget::new();
        let mut spans = Vec::new();
        let mut from = 0;
        for (index, message) in messages.iter().enumerate() {
            if role(message) != "assistant" {
                continue;
            }
            let found = match self.by_prefix(seen, index, &text, tokenizer, options, &mut budget) {
                Some(span) => Some(span),
                None => by_content(message, &text, from, &mut budget)?,
            };
            if let Some(span) = found.filter(|span| span.start >= from) {
                let end = turn_end(&text, &span, tokenizer);
                from = end;
                spans.extend(Some(span.start..end).filter(|span| !span.is_empty() && index >= first));
            }
        }
        Ok((text, spans))
    }

    fn by_prefix(
        &self,
        messages: &[Value],
        index: usize,
        text: &str,
        tokenizer: &Tokenizer,
        options: &Options,
        budget: &mut Budget,
    ) -> Option<Range<usize>> {
        let prompt = budget.run(self, messages.get(..index)?, true, options)?;
        if !text.starts_with(&prompt) {
            return None;
        }
        if index + 1 == messages.len() {
            return Some(prompt.len()..text.len());
        }
        let turn = budget.run(self, messages.get(..=index)?, false, options)?;
        if text.starts_with(&turn) && turn.len() >= prompt.len() {
            return Some(prompt.len()..turn.len());
        }
        let len = tokenizer.specials_in(text.get(prompt.len()..)?).next()?;
        (len > 0).then(|| prompt.len()..prompt.len() + len)
    }
}

fn role(message: &Message) -> &str {
    message.get("role").and_then(serde_json::Value::as_str).unwrap_or_default()
}

fn by_content(
    message: &Message,
    text: &str,
    from: usize,
    budget: &mut Budget,
) -> Result<Option<Range<usize>>> {
    let content = message.get("content").and_then(serde_json::Value::as_str).map(str::trim);
    let rest = text.get(from..).unwrap_or_default();
    let Some(content) = content.filter(|content| !content.is_empty()) else { return Ok(None) };
    let found = rest.find(content);
    let looked_at = found.unwrap_or(rest.len()) as u64;
    budget.bytes = budget.bytes.checked_sub(looked_at).ok_or_else(|| {
        let expected = "a conversation whose turns are soon found in the rendered text";
        Error::new(Kind::Cost, "messages", expected, "one of too many turns")
    })?;
    Ok(found.map(|at| from + at..from + at + content.len()))
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
