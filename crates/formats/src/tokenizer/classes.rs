//! The Unicode classes that pre-tokenizers ask for.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, HirKind};

/// A set of characters, a bit each.
pub(super) struct CharSet(Vec<u64>);

impl CharSet {
    fn new(class: &str) -> Self {
        let mut bits = vec![0_u64; 0x11_0000 / 64];
        if let Ok(hir) = regex_syntax::parse(class)
            && let HirKind::Class(Class::Unicode(ranges)) = hir.kind()
        {
            for code in ranges.iter().flat_map(|range| u32::from(range.start())..=u32::from(range.end())) {
                if let Some(word) = bits.get_mut(code as usize / 64) {
                    *word |= 1 << (code % 64);
                }
            }
        }
        Self(bits)
    }

    fn has(&self, c: char) -> bool {
        let code = u32::from(c);
        self.0.get(code as usize / 64).is_some_and(|word| word >> (code % 64) & 1 == 1)
    }
}

/// `\p{L}`
pub(super) fn is_letter(c: char) -> bool {
    static LETTERS: LazyLock<CharSet> = LazyLock::new(|| CharSet::new(r"\p{L}"));
    if c.is_ascii() { c.is_ascii_alphabetic() } else { LETTERS.has(c) }
}

/// `\p{N}`
pub(super) fn is_number(c: char) -> bool {
    static NUMBERS: LazyLock<CharSet> = LazyLock::new(|| CharSet::new(r"\p{N}"));
    if c.is_ascii() { c.is_ascii_digit() } else { NUMBERS.has(c) }
}

/// `[\p{P}$+<=>^~|]`: llama.cpp's default split.
pub(super) fn is_punctuation(c: char) -> bool {
    static PUNCTUATION: LazyLock<CharSet> = LazyLock::new(|| CharSet::new(r"[\p{P}$+<=>^~|]"));
    PUNCTUATION.has(c)
}

/// `[^\s\p{L}\p{N}]`
pub(super) fn is_other(c: char) -> bool {
    !c.is_whitespace() && !is_letter(c) && !is_number(c)
}

/// Whether Python's `repr` writes a character as it is: no control, nor any space but the one.
pub(crate) fn is_printable(c: char) -> bool {
    static OTHERS: LazyLock<CharSet> = LazyLock::new(|| CharSet::new(r"[\p{C}\p{Z}]"));
    if c.is_ascii() { c == ' ' || c.is_ascii_graphic() } else { !OTHERS.has(c) }
}
