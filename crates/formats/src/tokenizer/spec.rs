//! What a tokenizer is, whichever file said so.

use sha2::{Digest, Sha256};

use super::bpe::Merges;
use super::split::Split;
use super::vocabulary::Vocabulary;
use crate::error::{Error, Kind, Result};
use crate::limits;
use crate::source::Sha256Hash;

/// How text becomes the symbols that merges work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Style {
    /// UTF-8 bytes, each spelled as a printable character, in the words that a pre-tokenizer cuts.
    ByteLevel {
        /// The pre-tokenizer.
        split: Split,
        /// Whether text is brought to Unicode normal form C first.
        nfc: bool,
        /// Whether a word that is a token needs no merges.
        ignore_merges: bool,
    },
    /// Characters with spaces spelled `▁`, unknown ones as byte tokens, no pre-tokenizer.
    SentencePiece {
        /// Where a space is put in front.
        prefix: Prefix,
        /// Whether `<0x00>` … `<0xFF>` stand for unknown characters' bytes.
        byte_fallback: bool,
        /// The token for what not even bytes can spell.
        unknown: Option<u32>,
        /// Whether unknown characters side by side are one token.
        fuse_unknown: bool,
    },
}

/// Where SentencePiece-style tokenizers put a space that the text does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// Nowhere.
    Never,
    /// Before every stretch of text between control tokens.
    Stretches,
    /// Before every stretch that does not start with a space.
    StretchesWithout,
    /// Before the text, if it does not start with a space.
    Start,
}

/// A token that is found in text as a whole, before anything else is done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "the flags of the file format, which are independent")]
pub struct AddedToken {
    /// Its id.
    pub id: u32,
    /// Its text.
    pub content: String,
    /// Whether it is a control token: never recognised in text from people.
    pub special: bool,
    /// Whether it is looked for after normalization.
    pub normalized: bool,
    /// Whether it takes the whitespace before it.
    pub lstrip: bool,
    /// Whether it takes the whitespace behind it.
    pub rstrip: bool,
}

/// A tokenizer's settings and vocabulary.
#[derive(Debug)]
pub struct Spec {
    /// All tokens.
    pub vocabulary: Vocabulary,
    /// From text to symbols.
    pub style: Style,
    /// Tokens found as a whole.
    pub added: Vec<AddedToken>,
    /// Whether spaces are spelled only once all of those are found, as by a pre-tokenizer.
    pub late_spaces: bool,
    /// The token before a text, if there is one.
    pub bos: Option<u32>,
    /// The token that ends a turn or a text.
    pub eos: Option<u32>,
    /// The token for padding.
    pub pad: Option<u32>,
    /// Whether `bos` is put before every text.
    pub add_bos: bool,
    /// Whether `eos` is put behind every text.
    pub add_eos: bool,
}

/// Whether an added token is control by its spelling, `<|…|>` or `<｜…｜>`, whatever its file says: DeepSeek's files, for
/// one, do not call the tokens special that open a turn. llama.cpp's converter judges the same way.
pub(super) fn looks_like_control(text: &str) -> bool {
    let between = |open: &str, close: &str| text.strip_prefix(open).is_some_and(|rest| rest.ends_with(close));
    between("<|", "|>") || between("<｜", "｜>")
}

/// Refuses more tokens to be found as a whole than texts can be searched for.
pub(super) fn check_added_count(count: usize) -> Result<()> {
    let most = limits::ADDED_TOKENS;
    if count <= most {
        return Ok(());
    }
    Err(Error::new(Kind::Limit, "control and added tokens", format!("at most {most}"), count))
}

impl Spec {
    /// Refuses ids without a token, and added tokens without text or with too much of it.
    pub(super) fn check(&self) -> Result<()> {
        let tokens = self.vocabulary.len();
        let named = [("BOS token", self.bos), ("EOS token", self.eos), ("padding token", self.pad)];
        let unknown = match self.style {
            Style::SentencePiece { unknown, .. } => unknown,
            Style::ByteLevel { .. } => None,
        };
        for (field, id) in named.into_iter().chain([("unknown token", unknown)]) {
            if let Some(id) = id.filter(|id| *id as usize >= tokens) {
                return Err(Error::new(Kind::Value, field, format!("an id below {tokens}"), id));
            }
        }
        self.check_added()?;
        let needed = [("BOS token", self.bos, self.add_bos), ("EOS token", self.eos, self.add_eos)];
        match needed.into_iter().find(|(_, id, added)| *added && id.is_none()) {
            Some((field, ..)) => {
                Err(Error::new(Kind::Missing, field, "an id, since it is to be added", "none"))
            }
            None => Ok(()),
        }
    }

    fn check_added(&self) -> Result<()> {
        check_added_count(self.added.len())?;
        let field = |token: &AddedToken| format!("added token {}", token.id);
        if let Some(token) = self.added.iter().find(|token| token.content.is_empty()) {
            return Err(Error::new(Kind::Value, field(token), "some text", "none"));
        }
        let most = limits::ADDED_TOKEN_BYTES;
        match self.added.iter().find(|token| token.content.len() > most) {
            Some(token) => {
                let expected = format!("at most {most} bytes");
                Err(Error::new(Kind::Limit, field(token), expected, token.content.len()))
            }
            None => Ok(()),
        }
    }

    pub(super) fn sha256(&self, merges: &Merges) -> Sha256Hash {
        let mut hasher = Sha256::new();
        for token in self.vocabulary.iter() {
            hasher.update((token.len() as u64).to_le_bytes());
            hasher.update(token);
        }
        merges.digest(&mut hasher);
        let Self { style, added, bos, eos, pad, add_bos, add_eos, .. } = self;
        hasher.update(format!("{style:?} {added:?} {bos:?} {eos:?} {pad:?} {add_bos} {add_eos}"));
        if self.late_spaces && added.iter().any(|token| token.normalized) {
            hasher.update(" late spaces");
        }
        Sha256Hash(hasher.finalize().into())
    }
}
