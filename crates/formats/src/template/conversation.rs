//! Messages in, a rendered conversation out.

use std::collections::BTreeMap;
use std::ops::Range;

use minijinja::Value;
use minijinja::value::Serde;
use serde_json::Map;

use super::date::{self, Date};
use super::guard::Guard;
use super::{ChatTemplate, budget, generation, spans, values};
use crate::error::{Error, Kind, Result};
use crate::source::Sha256Hash;
use crate::tokenizer::{Specials, Tokenizer};

/// What names are made of, and what is trimmed.
const NAMES_AND_SPACE: &str = "abcdefghijklmnopqrstuvwxyz_0123456789 \t\r\n";

/// One message: `role`, `content` and whatever else the data has.
pub type Message = Map<String, serde_json::Value>;

/// What a template sees beside the messages.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The texts of special tokens: `bos_token`, `eos_token` and so on.
    pub special: Vec<Special>,
    /// Further values, such as `enable_thinking` or `tools`; these too are guarded by nobody.
    pub extra: Vec<(String, serde_json::Value)>,
    /// The day for templates that ask for today; without it they see no such function, and some cannot do without.
    pub date: Option<Date>,
}

/// A special token under the name that templates use.
#[derive(Debug, Clone)]
pub struct Special {
    /// Such as `bos_token`.
    pub name: &'static str,
    /// Its text.
    pub text: String,
}

impl Options {
    /// The special tokens of a tokenizer.
    pub fn of(tokenizer: &Tokenizer) -> Self {
        let spec = tokenizer.spec();
        let named = [("bos_token", spec.bos), ("eos_token", spec.eos), ("pad_token", spec.pad)];
        let special = named
            .into_iter()
            .filter_map(|(name, id)| Some(Special { name, text: tokenizer.token(id?)?.to_owned() }));
        Self { special: special.collect(), extra: Vec::new(), date: None }
    }

    pub(super) fn context(&self) -> BTreeMap<String, Value> {
        let mut context =
            BTreeMap::from([("tools".into(), Value::from(())), ("documents".into(), Value::from(()))]);
        context.extend(self.special.iter().map(|s| (s.name.to_owned(), s.text.as_str().into())));
        context.extend(self.extra.iter().map(|(name, value)| (name.clone(), Value::from(Serde(value)))));
        context.extend(self.date.map(|(y, m, d)| ("strftime_now".to_owned(), date::value(y, m, d))));
        context
    }
}

/// A conversation as text, with the marks that keep people's words from becoming control.
#[derive(Debug, Clone)]
pub struct Rendered {
    pub(super) text: String,
    pub(super) mark: Option<char>,
    /// What the assistant says, in bytes of the marked text.
    pub(super) spans: Vec<Range<usize>>,
}

impl Rendered {
    /// The text as transformers renders it.
    pub fn text(&self) -> String {
        self.mark.map_or_else(|| self.text.clone(), |mark| self.text.replace(mark, ""))
    }

    /// The stretches that are trained on, as text.
    pub fn spans(&self) -> Vec<String> {
        let texts = self.spans.iter().filter_map(|span| self.text.get(span.clone()));
        texts.map(|text| self.mark.map_or_else(|| text.to_owned(), |mark| text.replace(mark, ""))).collect()
    }

    /// Ids and mask: control tokens where the template wrote them, letters where people did.
    pub fn encode(&self, encoder: &mut crate::tokenizer::Encoder<'_>) -> (Vec<u32>, Vec<u8>) {
        let specials = self.mark.map_or(Specials::AsTokens, Specials::Guarded);
        encoder.encode_masked(&self.text, specials, &self.spans)
    }
}

impl ChatTemplate {
    /// Renders a conversation; `prompt` asks for the start of the assistant's next turn.
    ///
    /// # Errors
    /// [`Kind::Value`] where the template refuses the messages, [`Kind::Cost`] and [`Kind::Limit`] where it takes too
    /// much, [`Kind::Syntax`] where it fails, [`Kind::Unsupported`] where it treats guarded text otherwise.
    pub fn render(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        prompt: bool,
        options: &Options,
    ) -> Result<Rendered> {
        let (guarded, mark) = self.guard(tokenizer, messages)?;
        budget::reset();
        let text = self.run(&values(&guarded), prompt, options)?;
        if let Some(mark) = mark.filter(|_| self.finds_marks(tokenizer, messages)) {
            self.check_marks(&text, mark, messages, prompt, options)?;
        }
        Ok(Rendered { text: self.without_marks(text), mark, spans: Vec::new() })
    }

    /// Renders a conversation for training, with the stretches that `on` names.
    ///
    /// # Errors
    /// Those of [`Self::render`]; [`Kind::Missing`] where no stretch of the assistant's can be told apart.
    pub fn render_training(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        on: spans::TrainOn,
        options: &Options,
    ) -> Result<Rendered> {
        let (guarded, mark) = self.guard(tokenizer, messages)?;
        budget::reset();
        let seen = values(&guarded);
        let text = self.run(&seen, false, options)?;
        if let Some(mark) = mark.filter(|_| self.finds_marks(tokenizer, messages)) {
            self.check_marks(&text, mark, messages, false, options)?;
        }
        let (text, spans) = if on == spans::TrainOn::Everything {
            let text = self.without_marks(text);
            let all = 0..text.len();
            (text, vec![all])
        } else {
            let first = if let spans::TrainOn::From(first) = on { first } else { 0 };
            self.assistant_spans((&guarded, &seen), text, first, tokenizer, options)?
        };
        let spans = match on {
            spans::TrainOn::LastTurn => spans.into_iter().next_back().into_iter().collect(),
            _ => spans,
        };
        if spans.is_empty() {
            return Err(Error::new(
                Kind::Missing,
                "messages",
                "an assistant's turn",
                "none in the rendered text",
            ));
        }
        Ok(Rendered { text, mark, spans })
    }

    /// Whether marks may change more than what they stand in: names and space may be marked where a control token ends
    /// with them, and lists are written with escapes.
    fn finds_marks(&self, tokenizer: &Tokenizer, messages: &[Message]) -> bool {
        let letters = || tokenizer.special_ends_in(NAMES_AND_SPACE).next().is_some();
        let parts =
            || messages.iter().flat_map(Map::values).any(|value| value.is_array() || value.is_object());
        self.measures || letters() || parts()
    }

    /// Refuses a template that makes something else of marked text, such as by counting its characters.
    fn check_marks(
        &self,
        text: &str,
        mark: char,
        messages: &[Message],
        prompt: bool,
        options: &Options,
    ) -> Result<()> {
        budget::reset();
        if self.run(&values(messages), prompt, options)? == text.replace(mark, "") {
            return Ok(());
        }
        let expected = "a template that neither measures nor compares what people write";
        let found = "one that does, for text with a control token's characters";
        Err(Error::new(Kind::Unsupported, "chat template", expected, found))
    }

    /// SHA-256 of the template as shipped.
    pub fn sha256(&self) -> Sha256Hash {
        Sha256Hash::of(self.source().as_bytes())
    }

    fn without_marks(&self, text: String) -> String {
        if self.marks_generation { text.replace([generation::START, generation::END], "") } else { text }
    }

    /// Messages that cannot be taken for control, or for the marks of generated spans.
    fn guard(&self, tokenizer: &Tokenizer, messages: &[Message]) -> Result<(Vec<Message>, Option<char>)> {
        let mut guard = Guard::new(tokenizer, &self.literals, messages)?;
        if self.marks_generation && guard.found.contains([generation::START, generation::END]) {
            let expected = "text without the noncharacters U+FDD0 and U+FDD1";
            return Err(Error::new(Kind::Encoding, "message", expected, "one of them"));
        }
        let guarded = messages.iter().map(|message| guard.map(message)).collect();
        Ok((guarded, guard.used.then_some(guard.mark)))
    }

    pub(super) fn marks_generation(&self) -> bool {
        self.marks_generation
    }
}
