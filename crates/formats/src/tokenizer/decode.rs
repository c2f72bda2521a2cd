//! Ids back to text, at once or token by token.

use super::spec::{Prefix, Style};
use super::{Tokenizer, bytelevel, sentencepiece};

impl Tokenizer {
    /// The text of `ids`; control tokens are left out where `skip_special` is set.
    ///
    /// Bytes that are not UTF-8 become U+FFFD.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        let mut decoder = self.incremental(skip_special);
        let mut out: String = ids.iter().map(|id| decoder.push(*id)).collect();
        out.push_str(&decoder.finish());
        out
    }

    /// A decoder for a stream of ids that starts a text.
    pub fn incremental(&self, skip_special: bool) -> Incremental<'_> {
        let strip = match self.spec.style {
            Style::SentencePiece { prefix, .. } => prefix != Prefix::Never,
            Style::ByteLevel { .. } => false,
        };
        Incremental { tokenizer: self, skip_special, strip, pending: Vec::new(), bytes_run: false }
    }

    /// The bytes that a token stands for.
    fn token_bytes(&self, id: u32) -> TokenBytes {
        let Some(token) = self.token(id) else { return TokenBytes::Text(Vec::new()) };
        if self.matchers.is_added(id) {
            return TokenBytes::Text(token.replace(self.space(), " ").into());
        }
        if let Style::ByteLevel { .. } = self.spec.style {
            let spelled: Option<Vec<u8>> = token.chars().map(bytelevel::byte).collect();
            return TokenBytes::Text(spelled.unwrap_or_else(|| token.into()));
        }
        let byte = token.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
        match byte.filter(|hex| hex.len() == 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => TokenBytes::Byte(byte),
            None => TokenBytes::Text(token.replace(sentencepiece::SPACE, " ").into()),
        }
    }

    /// What spells a space in added tokens: nothing in byte-level vocabularies.
    fn space(&self) -> &'static str {
        match self.spec.style {
            Style::SentencePiece { .. } => sentencepiece::SPACE,
            Style::ByteLevel { .. } => " ",
        }
    }
}

enum TokenBytes {
    Text(Vec<u8>),
    Byte(u8),
}

/// Turns a stream of ids into text that never ends inside a character.
#[derive(Debug)]
pub struct Incremental<'t> {
    tokenizer: &'t Tokenizer,
    skip_special: bool,
    /// Whether one space at the very start is still to be taken away.
    strip: bool,
    /// Bytes that may be the start of a character.
    pending: Vec<u8>,
    /// Whether `pending` are byte tokens: a run of them ends with the next other token.
    bytes_run: bool,
}

impl Incremental<'_> {
    /// The text that is certain after one more token; empty while a character is incomplete.
    pub fn push(&mut self, id: u32) -> String {
        if self.skip_special && self.tokenizer.is_special(id) {
            return String::new();
        }
        let mut out = String::new();
        match self.tokenizer.token_bytes(id) {
            TokenBytes::Byte(byte) => {
                if !self.bytes_run {
                    self.flush(&mut out);
                }
                self.bytes_run = true;
                self.pending.push(byte);
                self.take_valid(&mut out);
            }
            TokenBytes::Text(bytes) => {
                if self.bytes_run {
                    self.flush(&mut out);
                }
                self.pending.extend(bytes);
                self.take_valid(&mut out);
            }
        }
        self.stripped(out)
    }

    /// What is left at the end of the stream.
    pub fn finish(&mut self) -> String {
        let mut out = String::new();
        self.flush(&mut out);
        self.stripped(out)
    }

    /// Moves what is whole out of `pending`; broken bytes become U+FFFD.
    fn take_valid(&mut self, out: &mut String) {
        while !self.pending.is_empty() {
            match str::from_utf8(&self.pending) {
                Ok(text) => {
                    out.push_str(text);
                    self.pending.clear();
                }
                Err(error) => {
                    let rest = self.pending.split_off(error.valid_up_to());
                    out.push_str(&String::from_utf8_lossy(&self.pending));
                    self.pending = rest;
                    let Some(broken) = error.error_len() else { return };
                    self.pending.drain(..broken);
                    out.push('\u{fffd}');
                }
            }
        }
    }

    fn flush(&mut self, out: &mut String) {
        if self.bytes_run {
            out.extend(self.pending.iter().map(|_| '\u{fffd}'));
        } else {
            out.push_str(&String::from_utf8_lossy(&self.pending));
        }
        self.pending.clear();
        self.bytes_run = false;
    }

    fn stripped(&mut self, out: String) -> String {
        if out.is_empty() || !self.strip {
            return out;
        }
        self.strip = false;
        out.strip_prefix(' ').map(str::to_owned).unwrap_or(out)
    }
}
