//! Text to token ids and back, from a GGUF's metadata or a `tokenizer.json`.
//!
//! A tokenizer is read into one [`Spec`], whatever file it came from, and everything else works on that: byte-level
//! BPE with one of the known pre-tokenizers, or SentencePiece-style BPE with byte fallback. A `tokenizer.json` that
//! asks for anything else is refused by name. Ids are those of Hugging Face's `tokenizers`; the tests compare the two.
//!
//! Why that crate is the tests' referee and not the engine: a crafted file makes it panic (a merge longer than any token
//! is written past its buffer); it keeps every token's text three times, beyond what [`crate::limits`] allows a file to
//! cost; it brings a regular expression engine into the page, and patterns from files with it; what people wrote must
//! stay text in one part of a string while the template's control tokens count in the next. Ours also takes a
//! fortieth of the time (docs/log.md has the runs).

mod bpe;
mod bytelevel;
mod classes;
mod config;
mod decode;
mod encode;
mod finder;
mod gguf;
mod json;
mod json_lists;
mod json_parts;
mod matchers;
mod scores;
mod sentencepiece;
mod spans;
mod spec;
mod split;
mod train;
mod vocabulary;

pub(crate) use classes::is_printable;
pub use config::TokenizerConfig;
pub use decode::Incremental;
pub use encode::{Encoder, Specials};
pub(crate) use finder::Finder;
pub use spec::{AddedToken, Prefix, Spec, Style};
pub use split::Split;
pub use train::{Learned, learn};
pub use vocabulary::Vocabulary;

use crate::error::Result;
use crate::source::Sha256Hash;

/// A tokenizer that is ready to use; [`Tokenizer::encoder`] encodes with a cache of its own.
#[derive(Debug)]
pub struct Tokenizer {
    spec: Spec,
    merges: bpe::Merges,
    bytes: bytelevel::ByteIds,
    matchers: matchers::Matchers,
}

impl Tokenizer {
    /// Checks a spec and builds the tables for it.
    ///
    /// # Errors
    /// A special token id outside the vocabulary, a byte that no token stands for, an added token that is empty.
    pub fn new(spec: Spec, mut merges: Vec<(u32, u32, u32)>) -> Result<Self> {
        spec.check()?;
        let bytes = bytelevel::ByteIds::new(&spec)?;
        let matchers = matchers::Matchers::new(&spec);
        // Letters that happen to spell a control token must not grow together into it.
        merges.retain(|merge| ![merge.0, merge.1, merge.2].iter().any(|id| matchers.is_special(*id)));
        Ok(Self { merges: bpe::Merges::new(&merges), bytes, matchers, spec })
    }

    /// What the tokenizer was read as.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The number of ids.
    pub fn vocabulary_len(&self) -> usize {
        self.spec.vocabulary.len()
    }

    /// The number of merges.
    pub fn merges_len(&self) -> usize {
        self.merges.len()
    }

    /// The token's text as the vocabulary spells it.
    pub fn token(&self, id: u32) -> Option<&str> {
        self.spec.vocabulary.token(id)
    }

    /// The id of a token spelled as in the vocabulary.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.spec.vocabulary.id(token)
    }

    /// The id of a token that text may become: never a control token.
    fn text_id(&self, token: &str) -> Option<u32> {
        self.id(token).filter(|id| !self.is_special(*id))
    }

    /// Where a control token starts in a text, at each place where one does; they may overlap.
    pub(crate) fn specials_in<'t>(&'t self, text: &'t str) -> impl Iterator<Item = usize> + 't {
        self.matchers.specials_in(text)
    }

    /// The length of the longest control token that a text starts with.
    pub(crate) fn special_at_start(&self, text: &str) -> Option<usize> {
        self.matchers.special_at_start(text)
    }

    /// Whether a text ends with a control token.
    pub(crate) fn special_at_end(&self, text: &str) -> bool {
        self.matchers.special_at_end(text)
    }

    /// Whether a text starts with the end of a control token, and whether it ends with the start of one.
    pub(crate) fn special_edges(&self, text: &str) -> (bool, bool) {
        self.matchers.special_edges(text)
    }

    /// Each character that a control token starts or ends with, in any case: where it is, whether one starts with it and
    /// whether one ends with it. Most text has none.
    pub(crate) fn special_ends_in<'t>(
        &'t self,
        text: &'t str,
    ) -> impl Iterator<Item = (std::ops::Range<usize>, (bool, bool))> + 't {
        self.matchers.special_ends_in(text)
    }

    /// The first character that is a control token by itself, in any case.
    pub(crate) fn lone_special(&self, text: &str) -> Option<char> {
        self.matchers.lone_special(text)
    }

    /// Whether a text, without the space around it, is a part of a control token in any case.
    pub(crate) fn inside_special(&self, text: &str) -> bool {
        self.matchers.inside_special(text)
    }

    /// Where a text spells tokens that are found as a whole and are no control tokens.
    pub(crate) fn others_in(&self, text: &str) -> Vec<std::ops::Range<usize>> {
        self.matchers.others_in(text)
    }

    /// Whether an id is a control token, never text.
    pub fn is_special(&self, id: u32) -> bool {
        self.matchers.is_special(id)
    }

    /// An encoder with an empty cache.
    pub fn encoder(&self) -> Encoder<'_> {
        Encoder::new(self)
    }

    /// The ids of a text in which no control token is recognised: for text from people.
    pub fn encode_text(&self, text: &str) -> Vec<u32> {
        self.encoder().encode(text, Specials::AsText)
    }

    /// SHA-256 over vocabulary, merges and settings: equal for tokenizers that give equal ids.
    pub fn sha256(&self) -> Sha256Hash {
        self.spec.sha256(&self.merges)
    }
}
