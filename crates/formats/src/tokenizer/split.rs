//! Pre-tokenizers, written out by hand: the patterns are fixed, and none of them can backtrack without end.

use super::classes::{is_letter, is_number, is_other, is_punctuation};

/// Which pattern cuts text into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    Gpt2,
    /// Every digit alone, then [`Split::Gpt2`].
    Smollm,
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    Llama3,
    /// [`Split::Llama3`] with `\p{N}` for `\p{N}{1,3}`.
    Qwen2,
    /// llama.cpp's `default`: punctuation apart, [`Split::Gpt2`], numbers apart, digits in threes.
    Default,
}

impl Split {
    /// Calls `word` with each word of `text`, in order; together they are the text.
    pub(super) fn words<'t>(self, text: &'t str, word: &mut dyn FnMut(&'t str)) {
        match self {
            Self::Gpt2 => cut(text, gpt2, word),
            Self::Llama3 => cut(text, |rest| llama3(rest, 3), word),
            Self::Qwen2 => cut(text, |rest| llama3(rest, 1), word),
            Self::Smollm => cut(text, |rest| apart(rest, is_number, 1), &mut |piece| cut(piece, gpt2, word)),
            Self::Default => default(text, word),
        }
    }
}

/// Cuts off `length(rest)` bytes at a time.
fn cut<'t>(text: &'t str, length: impl Fn(&str) -> usize, word: &mut dyn FnMut(&'t str)) {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let at = length(rest).max(first.len_utf8());
        let (head, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        word(head);
        rest = tail;
    }
}

/// The bytes of the longest start of `text` whose characters are in the class.
fn run(text: &str, class: impl Fn(char) -> bool) -> usize {
    text.find(|c| !class(c)).unwrap_or(text.len())
}

/// The same, of at most `limit` characters.
fn run_limited(text: &str, class: impl Fn(char) -> bool, limit: usize) -> usize {
    text.chars().take(limit).take_while(|c| class(*c)).map(char::len_utf8).sum()
}

/// The run at the start that is in the class, in pieces of at most `limit` characters, or else the one that is not.
fn apart(text: &str, class: impl Fn(char) -> bool, limit: usize) -> usize {
    match run_limited(text, &class, limit) {
        0 => run(text, |c| !class(c)),
        inside => inside,
    }
}

fn default<'t>(text: &'t str, word: &mut dyn FnMut(&'t str)) {
    let digits = |c: char| c.is_ascii_digit();
    cut(text, |rest| apart(rest, is_punctuation, usize::MAX), &mut |piece| {
        cut(piece, gpt2, &mut |piece| {
            cut(piece, |rest| apart(rest, is_number, usize::MAX), &mut |piece| {
                cut(piece, |rest| threes(rest, digits), word);
            });
        });
    });
}

/// `[0-9][0-9][0-9]` at the start, or everything before the next such three.
fn threes(text: &str, digit: impl Fn(char) -> bool) -> usize {
    let mut in_row = 0;
    for (at, c) in text.char_indices() {
        in_row = if digit(c) { in_row + 1 } else { 0 };
        if in_row == 3 {
            return if at == 2 { 3 } else { at - 2 };
        }
    }
    text.len()
}

const CONTRACTIONS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

fn gpt2(text: &str) -> usize {
    if text.starts_with('\'')
        && let Some(found) = CONTRACTIONS.iter().find(|c| text.starts_with(**c))
    {
        return found.len();
    }
    let spaced = text.strip_prefix(' ').unwrap_or(text);
    let space = text.len() - spaced.len();
    match spaced.chars().next() {
        Some(c) if is_letter(c) => space + run(spaced, is_letter),
        Some(c) if is_number(c) => space + run(spaced, is_number),
        Some(c) if is_other(c) => space + run(spaced, is_other),
        _ => whitespace(text),
    }
}

/// `\s+(?!\S)|\s+`: a run of whitespace but for the last, which belongs to what follows.
fn whitespace(text: &str) -> usize {
    let all = run(text, char::is_whitespace);
    let last = text.get(..all).and_then(|spaces| spaces.chars().next_back()).map_or(0, char::len_utf8);
    if all == text.len() || all == last { all } else { all - last }
}

fn is_newline(c: char) -> bool {
    matches!(c, '\r' | '\n')
}

fn llama3(text: &str, digits: usize) -> usize {
    let mut chars = text.chars();
    let (Some(first), second) = (chars.next(), chars.next()) else { return 0 };
    if first == '\''
        && let Some(len) = contraction_any_case(text)
    {
        return len;
    }
    if is_letter(first) {
        return run(text, is_letter);
    }
    if is_number(first) {
        return run_limited(text, is_number, digits);
    }
    let behind_first = text.get(first.len_utf8()..).unwrap_or_default();
    if !is_newline(first) && second.is_some_and(is_letter) {
        return first.len_utf8() + run(behind_first, is_letter);
    }
    if is_other(first) || (first == ' ' && second.is_some_and(is_other)) {
        let space = usize::from(first == ' ');
        let symbols = space + run(text.get(space..).unwrap_or_default(), is_other);
        return symbols + run(text.get(symbols..).unwrap_or_default(), is_newline);
    }
    let spaces = text.get(..run(text, char::is_whitespace)).unwrap_or_default();
    spaces.rfind(is_newline).map_or_else(|| whitespace(text), |newline| newline + 1)
}

/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)`; case folding lets a long s stand for s.
fn contraction_any_case(text: &str) -> Option<usize> {
    let fold = |c: char| if c == 'ſ' { 's' } else { c.to_ascii_lowercase() };
    CONTRACTIONS.iter().find_map(|contraction| {
        let mut chars = text.chars();
        let mut len = 0;
        for wanted in contraction.chars() {
            let c = chars.next().filter(|c| fold(*c) == wanted)?;
            len += c.len_utf8();
        }
        Some(len)
    })
}
