//! Records to ids and masks.

use super::Row;
use super::chat::say;
use super::reader::Record;
use crate::error::{Error, Kind, Result};
use crate::template::{ChatTemplate, Message, Options, Rendered, TrainOn};
use crate::tokenizer::{Encoder, Specials, Tokenizer};

/// What the loss is taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// Every turn of the assistant's; the completion; all of a plain text.
    #[default]
    Assistant,
    /// All tokens.
    Everything,
    /// What comes after the prompt: the assistant's turns in the completion, or the last one where no prompt is named.
    Completion,
    /// The assistant's last turn.
    LastTurn,
}

/// How rows are made.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// What the loss is taken on.
    pub target: Target,
    /// Tokens in a row at most.
    pub max_len: usize,
    /// Whether pairs are put one behind the other as they are, without the chat template.
    pub raw_pairs: bool,
    /// What the template sees beside the messages.
    pub template: Options,
}

/// One record's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The row, or the better one of a pair.
    pub row: Row,
    /// The worse one of a pair.
    pub rejected: Option<Row>,
    /// What is worth counting.
    pub notes: Notes,
}

/// What happened to a row on its way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent observations, each counted by the audit")]
pub struct Notes {
    /// Tokens were cut off its end.
    pub truncated: bool,
    /// What is learned does not end with an end-of-turn or end-of-text token.
    pub missing_eos: bool,
    /// It starts with two BOS tokens.
    pub duplicate_bos: bool,
    /// Tokens before truncation.
    pub full_len: usize,
}

/// Renders records for one model.
#[derive(Debug)]
pub struct Renderer<'t> {
    tokenizer: &'t Tokenizer,
    template: &'t ChatTemplate,
    encoder: Encoder<'t>,
    options: RenderOptions,
}

impl<'t> Renderer<'t> {
    /// A renderer with an empty word cache.
    pub fn new(tokenizer: &'t Tokenizer, template: &'t ChatTemplate, options: RenderOptions) -> Self {
        Self { tokenizer, template, encoder: tokenizer.encoder(), options }
    }

    /// Ids and mask of a record.
    ///
    /// # Errors
    /// Those of [`ChatTemplate::render_training`]; [`Kind::Missing`] where nothing is left to learn.
    pub fn render(&mut self, record: &Record) -> Result<Rows> {
        let (ids, mask) = match record {
            Record::Continued { messages, prompt } if self.options.target == Target::Completion => {
                self.turns(messages, TrainOn::From(*prompt))?
            }
            Record::Chat(messages) | Record::Continued { messages, .. } => self.chat(messages)?,
            Record::Pair { prompt, completion } if self.options.raw_pairs => self.pair(prompt, completion),
            Record::Pair { prompt, completion } => {
                self.chat(&[say("user", prompt), say("assistant", completion)])?
            }
            Record::Text(text) => self.text(text),
            Record::Preference { chosen, rejected } => {
                let rejected = self.chat(rejected)?;
                let mut rows = self.chat(chosen).and_then(|(ids, mask)| self.finish(ids, mask))?;
                let rejected = self.finish(rejected.0, rejected.1)?.row;
                if rejected == rows.row {
                    let expected = format!("a difference among the first {}", self.options.max_len);
                    return Err(Error::new(Kind::Value, "`rejected`", expected, "none"));
                }
                rows.rejected = Some(rejected);
                return Ok(rows);
            }
        };
        self.finish(ids, mask)
    }

    fn chat(&mut self, messages: &[Message]) -> Result<(Vec<u32>, Vec<u8>)> {
        let on = match self.options.target {
            Target::Assistant => TrainOn::Assistant,
            Target::Everything => TrainOn::Everything,
            Target::Completion | Target::LastTurn => TrainOn::LastTurn,
        };
        self.turns(messages, on)
    }

    fn turns(&mut self, messages: &[Message], on: TrainOn) -> Result<(Vec<u32>, Vec<u8>)> {
        let rendered: Rendered =
            self.template.render_training(self.tokenizer, messages, on, &self.options.template)?;
        Ok(rendered.encode(&mut self.encoder))
    }

    fn pair(&mut self, prompt: &str, completion: &str) -> (Vec<u32>, Vec<u8>) {
        let mut ids = self.encoder.encode(prompt, Specials::AsText);
        let all = self.options.target == Target::Everything;
        let mut mask = vec![u8::from(all); ids.len()];
        ids.extend(self.encoder.encode(completion, Specials::AsText));
        ids.extend(self.tokenizer.spec().eos);
        mask.resize(ids.len(), 1);
        (ids, mask)
    }

    fn text(&mut self, text: &str) -> (Vec<u32>, Vec<u8>) {
        let mut ids = self.encoder.encode(text, Specials::AsText);
        ids.extend(self.tokenizer.spec().eos);
        let mask = vec![1; ids.len()];
        (ids, mask)
    }

    /// BOS in front where the model wants one, the end cut off where it is too long.
    fn finish(&self, mut ids: Vec<u32>, mut mask: Vec<u8>) -> Result<Rows> {
        let spec = self.tokenizer.spec();
        if let Some(bos) = spec.bos.filter(|bos| spec.add_bos && ids.first() != Some(bos)) {
            ids.insert(0, bos);
            mask.insert(0, 0);
        }
        let doubled = |bos| ids.first() == Some(&bos) && ids.get(1) == Some(&bos);
        let duplicate_bos = spec.bos.is_some_and(doubled);
        let (full_len, truncated) = (ids.len(), ids.len() > self.options.max_len);
        if truncated {
            self.truncate(&mut ids, &mut mask);
        }
        // It is never predicted, so it cannot be learned.
        if let Some(first) = mask.first_mut() {
            *first = 0;
        }
        if !mask.contains(&1) {
            return Err(self.nothing_to_learn(full_len, truncated));
        }
        let missing_eos = self.end(ids.iter().zip(&mask).filter(|(_, mask)| **mask == 1)).is_none();
        let notes = Notes { truncated, missing_eos, duplicate_bos, full_len };
        // Rows are kept by the million, and grew by doubling.
        ids.shrink_to_fit();
        mask.shrink_to_fit();
        Ok(Rows { row: Row { ids, mask }, rejected: None, notes })
    }

    /// Kept apart from rows that never had one: a longer `--seq-len` would help.
    fn nothing_to_learn(&self, full_len: usize, truncated: bool) -> Error {
        let (expected, found) = if truncated {
            let first = self.options.max_len;
            (format!("a token to learn among the first {first}"), format!("none: the row has {full_len}"))
        } else {
            ("a token to learn".to_owned(), "none".to_owned())
        };
        Error::new(Kind::Missing, "row", expected, found)
    }

    /// The last token that is more than space, if it ends a turn or a text.
    fn end<'r>(&self, tokens: impl DoubleEndedIterator<Item = (&'r u32, &'r u8)>) -> Option<(u32, u8)> {
        let ends = |id: u32| Some(id) == self.tokenizer.spec().eos || self.tokenizer.is_special(id);
        let blank = |id: u32| !ends(id) && self.tokenizer.decode(&[id], false).trim().is_empty();
        let last = tokens.rev().map(|(id, mask)| (*id, *mask)).find(|(id, _)| !blank(*id));
        last.filter(|(id, _)| ends(*id))
    }

    /// Cuts to the longest row; an end token that was there stays the last.
    fn truncate(&self, ids: &mut Vec<u32>, mask: &mut Vec<u8>) {
        let end = self.end(ids.iter().zip(mask.iter()));
        ids.truncate(self.options.max_len);
        mask.truncate(self.options.max_len);
        if let (Some((id, learned)), Some(last), Some(last_mask)) = (end, ids.last_mut(), mask.last_mut()) {
            // An end that belongs to what is learned is only learned where some of that is left.
            *last_mask = (*last_mask).min(learned);
            *last = id;
        }
        // Right behind a prompt it would teach to answer nothing.
        if let (Some(_), [.., before, last_mask]) = (end, mask.as_mut_slice()) {
            *last_mask = (*last_mask).min(*before);
        }
    }
}
