//! Where one of the assistant's turns is in a rendered conversation.

use std::cell::OnceCell;
use std::ops::Range;

use minijinja::Value;

use super::ChatTemplate;
use super::conversation::{Message, Options};
use super::regions::Regions;
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

    /// Pays for having looked through some of the text.
    fn look(&mut self, bytes: usize) -> Result<()> {
        self.bytes = self.bytes.checked_sub(bytes as u64).ok_or_else(|| {
            let expected = "a conversation whose turns are soon found in the rendered text";
            Error::new(Kind::Cost, "messages", expected, "one of too many turns")
        })?;
        Ok(())
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
    /// What others say; looked for where it is asked for.
    pub(super) regions: OnceCell<Option<Regions>>,
}

impl Conversation<'_> {
    /// The turn of message `index`, which starts at `from` or later.
    ///
    /// # Errors
    /// [`Kind::Cost`] where looking for the content takes too much, [`Kind::Unsupported`] where it cannot be told what
    /// others say.
    pub(super) fn turn(
        &self,
        index: usize,
        from: usize,
        budget: &mut Budget,
    ) -> Result<Option<Range<usize>>> {
        let prompt = self.start(index, true, budget).filter(|prompt| self.text.starts_with(prompt));
        if let Some(end) = prompt.as_ref().and_then(|prompt| self.end(index, prompt, budget)) {
            return Ok(prompt.map(|prompt| prompt.len()..end));
        }
        let others = self.others()?;
        if let Some(span) = prompt.and_then(|prompt| self.to_control(index, prompt.len(), others)) {
            return Ok(Some(span));
        }
        let before = self.start(index, false, budget).filter(|before| self.text.starts_with(before));
        let from = match &before {
            Some(before) => from.max(before.len()),
            None => others.behind(self.questions(index), from),
        };
        let until = others.next(index, from).unwrap_or(self.text.len());
        let found = self.content(index, from..until, others, budget)?;
        Ok(found.or_else(|| self.by_rest(index, before?.len(), budget)))
    }

    fn others(&self) -> Result<&Regions> {
        self.regions.get_or_init(|| Regions::of(self)).as_ref().ok_or_else(|| {
            let expected = "a template whose turns can be told apart";
            let found = "one that writes otherwise what has characters of the private planes around it";
            Error::new(Kind::Unsupported, "chat template", expected, found)
        })
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

    /// Where the turn ends that this prompt is for, if the conversation up to there is the start of the text.
    fn end(&self, index: usize, prompt: &str, budget: &mut Budget) -> Option<usize> {
        if index + 1 == self.messages.len() {
            return Some(self.text.len());
        }
        let turn = self.start(index + 1, false, budget)?;
        (self.text.starts_with(&turn) && turn.len() >= prompt.len()).then_some(turn.len())
    }

    /// From the end of the prompt to the next control token, where the template writes the turn differently once another
    /// follows, unless somebody else has spoken before that token.
    fn to_control(&self, index: usize, prompt: usize, others: &Regions) -> Option<Range<usize>> {
        let len = self.tokenizer.specials_in(self.text.get(prompt..)?).next()?;
        let spoken = others.next(index, prompt).is_some_and(|next| next < prompt + len);
        (len > 0 && !spoken).then(|| prompt..prompt + len)
    }

    /// What was said since the assistant spoke: a question may have the very words of its answer. A system message may
    /// stand anywhere in the rendered text.
    fn questions(&self, index: usize) -> Range<usize> {
        let before = self.messages.get(..index).unwrap_or_default();
        let asks = |message: &Message| matches!(role(message), "user" | "tool" | "function");
        before.iter().rposition(|message| !asks(message)).map_or(0, |at| at + 1)..index
    }

    /// The words of message `index` in a part of the text, where they are nobody else's.
    fn content(
        &self,
        index: usize,
        mut part: Range<usize>,
        others: &Regions,
        budget: &mut Budget,
    ) -> Result<Option<Range<usize>>> {
        let content = self.messages.get(index).and_then(|message| message.get("content")?.as_str());
        let Some(content) = content.map(str::trim).filter(|content| !content.is_empty()) else {
            return Ok(None);
        };
        loop {
            let rest = self.text.get(part.clone()).unwrap_or_default();
            let at = rest.find(content);
            budget.look(at.unwrap_or(rest.len()))?;
            let found = at.map(|at| part.start + at..part.start + at + content.len());
            match found.as_ref().and_then(|found| others.in_stretch(found)) {
                Some(behind) => part.start = behind,
                None => return Ok(found),
            }
        }
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
