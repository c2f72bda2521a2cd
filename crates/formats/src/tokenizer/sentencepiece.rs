//! SentencePiece-style symbols: spaces spelled `▁`, characters as tokens, unknown ones as bytes.

use super::Tokenizer;
use super::bpe::Symbol;
use super::spec::{Prefix, Style};

/// What spells a space.
pub(super) const SPACE: &str = "▁";

/// A stretch with its spaces spelled, and one in front where the style asks for it.
pub(super) fn normalize(prefix: Prefix, stretch: &str, at_start: bool) -> String {
    let spelled = stretch.replace(' ', SPACE);
    let spaced = spelled.starts_with(SPACE);
    let put = match prefix {
        Prefix::Never => false,
        Prefix::Stretches => true,
        Prefix::StretchesWithout => !spaced,
        Prefix::Start => at_start && !spaced,
    };
    if put && !stretch.is_empty() { format!("{SPACE}{spelled}") } else { spelled }
}

/// The symbols of a normalized stretch, before merging.
pub(super) fn symbols(tokenizer: &Tokenizer, text: &str, out: &mut Vec<Symbol>) {
    let Style::SentencePiece { byte_fallback, unknown, fuse_unknown, .. } = tokenizer.spec.style else {
        return;
    };
    let mut last_was_unknown = false;
    let mut buffer = [0; 4];
    for c in text.chars() {
        let spelled: &str = c.encode_utf8(&mut buffer);
        let len = spelled.len() as u32;
        if let Some(id) = tokenizer.text_id(spelled) {
            out.push(Symbol { id, len });
            last_was_unknown = false;
        } else if byte_fallback && spelled.bytes().all(|b| tokenizer.bytes.id(b).is_some()) {
            out.extend(spelled.bytes().filter_map(|b| Some(Symbol { id: tokenizer.bytes.id(b)?, len: 1 })));
            last_was_unknown = false;
        } else if let Some(id) = unknown {
            match out.last_mut() {
                Some(last) if last_was_unknown && fuse_unknown => last.len += len,
                _ => out.push(Symbol { id, len }),
            }
            last_was_unknown = true;
        }
    }
}
