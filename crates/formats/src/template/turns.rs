//! Where one of the assistant's turns is in a rendered conversation.

use std::ops::Range;

use minijinja::Value;

use super::ChatTemplate;
use super::conversation::{Message, Options};
use crate::error::{Error, Kind, Result};
use crate::limits;
use crate::tokenizer::Tokenizer;

/// What finding the turns of one conversation may cost.
pub(super) struct Budget {
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

    pub(super) fn new() -> Self {
        super::budget::for_turns();
        Self { fuel: limits::TURNS_FUEL, bytes: 256 << 20 }
    }
}

/// A conversation, and what a template made of it.
pub(super) struct Conversation<'a> {
    pub(super) template: &'a ChatTemplate,
    pub(super) messages: &'a [Message],
    /// The same messages as the template sees them.
    pub(super) seen: &'a [Value],
    pub(super) text: &'a str,
    pub(super) tokenizer: &'a Tokenizer,
    pub(super) options: &'a Options,
}

impl Conversation<'_> {
    /// The turn of message `index`, which starts at `from` or later.
    ///
    /// # Errors
    /// [`Kind::Cost`] where looking for the content takes too much.
    pub(super) fn turn(
        &self,
        index: usize,
        from: usize,
        budget: &mut Budget,
    ) -> Result<Option<Range<usize>>> {
        if let Some(span) = self.by_prefix(index, budget) {
            return Ok(Some(span));
        }
        let before = self.start(index, false, budget).filter(|before| self.text.starts_with(before));
        let from = match &before {
            Some(before) => from.max(before.len()),
            None => self.behind_questions(index, from, budget)?,
        };
        let message = self.messages.get(index);
        let found = message.map_or(Ok(None), |message| self.content(message, from, budget))?;
        Ok(found.or_else(|| self.by_rest(index, before?.len(), budget)))
    }

    /// The rendered conversation before message `index`, with or without the start of its turn, while there is fuel.
    fn start(&self, index: usize, prompt: bool, budget: &mut Budget) -> Option<String> {
        if budget.fuel == 0 {
            return None;
        }
        let ran = self.template.run_metered(self.seen.get(..index)?, prompt, self.options);
        budget.fuel = budget.fuel.saturating_sub(match &ran {
            Ok((text, fuel)) => fuel + text.len() as u64 / Budget::BYTES_A_STEP,
            // What takes too much would take it for every turn.
            Err(error) if error.kind == Kind::Cost => budget.fuel,
            Err(_) => Budget::FAILED,
        });
        ran.ok().map(|(text, _)| text)
    }

    /// From the end of the prompt for the turn to the end of the conversation up to it, where both are in the text; else
    /// to the next control token, since the template writes the turn differently once another follows.
    fn by_prefix(&self, index: usize, budget: &mut Budget) -> Option<Range<usize>> {
        let prompt = self.start(index, true, budget)?;
        let rest = self.text.strip_prefix(&*prompt)?;
        if index + 1 == self.messages.len() {
            return Some(prompt.len()..self.text.len());
        }
        let turn = self.start(index + 1, false, budget)?;
        if self.text.starts_with(&turn) && turn.len() >= prompt.len() {
            return Some(prompt.len()..turn.len());
        }
        let len = self.tokenizer.specials_in(rest).next()?;
        (len > 0).then(|| prompt.len()..prompt.len() + len)
    }

    /// Behind what was said since the assistant spoke: a question may have the very words of its answer. A system message
    /// may stand anywhere in the rendered text.
    fn behind_questions(&self, index: usize, mut from: usize, budget: &mut Budget) -> Result<usize> {
        let before = self.messages.get(..index).unwrap_or_default();
        let asks = |message: &Message| matches!(role(message), "user" | "tool" | "function");
        let first = before.iter().rposition(|message| !asks(message)).map_or(0, |at| at + 1);
        for message in before.iter().skip(first) {
            from = self.content(message, from, budget)?.map_or(from, |found| found.end);
        }
        Ok(from)
    }

    fn content(&self, message: &Message, from: usize, budget: &mut Budget) -> Result<Option<Range<usize>>> {
        let content = message.get("content").and_then(serde_json::Value::as_str).map(str::trim);
        let rest = self.text.get(from..).unwrap_or_default();
        let Some(content) = content.filter(|content| !content.is_empty()) else { return Ok(None) };
        let found = rest.find(content);
        let looked_at = found.unwrap_or(rest.len()) as u64;
        budget.bytes = budget.bytes.checked_sub(looked_at).ok_or_else(|| {
            let expected = "a conversation whose turns are soon found in the rendered text";
            Error::new(Kind::Cost, "messages", expected, "one of too many turns")
        })?;
        Ok(found.map(|at| from + at..from + at + content.len()))
    }

    /// What the turn adds, without what the prompt for it has of that: where the prompt opens thoughts, and the template
    /// takes them out of a turn. Of the prompt no part of a token counts.
    fn by_rest(&self, index: usize, before: usize, budget: &mut Budget) -> Option<Range<usize>> {
        let turn = self.start(index + 1, false, budget)?;
        let added = self.text.get(before..turn.len()).filter(|_| self.text.starts_with(&turn))?;
        let prompt = self.start(index, true, budget)?;
        let shared = shared(added, prompt.get(before..)?);
        let controls = self.tokenizer.specials_in(shared);
        let end = |at: usize| Some(at + self.tokenizer.special_at_start(shared.get(at..)?)?);
        let end = controls.filter_map(end).max().unwrap_or(shared.len());
        Some(before + end..turn.len())
    }
}

/// What two texts both start with.
fn shared<'t>(one: &'t str, other: &str) -> &'t str {
    let pairs = one.char_indices().zip(other.chars());
    let differ = pairs.clone().find(|((_, a), b)| a != b).map(|((at, _), _)| at);
    let end = differ.unwrap_or_else(|| pairs.last().map_or(0, |((at, c), _)| at + c.len_utf8()));
    one.get(..end).unwrap_or_default()
}

pub(super) fn role(message: &Message) -> &str {
    message.get("role").and_then(serde_json::Value::as_str).unwrap_or_default()
}
