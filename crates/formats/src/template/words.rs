//! What Python's texts do with space and letters, where Rust's do otherwise.

/// What `str.isspace` takes for space: also the separators of files, groups, records and units.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `text.split(None, count)`: the words, of which the last is the rest as it is.
pub(super) fn split(text: &str, count: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() {
        let end = if words.len() < count { rest.find(is_space).unwrap_or(rest.len()) } else { rest.len() };
        let (word, behind) = rest.split_at(end);
        words.push(word);
        rest = behind.trim_start_matches(is_space);
    }
    words
}

/// `text.rsplit(None, count)`: the words, of which the first is the rest as it is.
pub(super) fn rsplit(text: &str, count: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_end_matches(is_space);
    while !rest.is_empty() {
        let last = rest.char_indices().rev().find(|(_, c)| is_space(*c)).filter(|_| words.len() < count);
        let (before, word) = rest.split_at(last.map_or(0, |(at, c)| at + c.len_utf8()));
        words.push(word);
        rest = before.trim_end_matches(is_space);
    }
    words.reverse();
    words
}

/// `text.splitlines(ends)`
pub(super) fn lines(text: &str, ends: bool) -> Vec<&str> {
    let is_end = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let len = rest.find(is_end).unwrap_or(rest.len());
        let (line, behind) = rest.split_at(len);
        let end =
            if behind.starts_with("\r\n") { 2 } else { behind.chars().next().map_or(0, char::len_utf8) };
        lines.push(rest.get(..len + end).filter(|_| ends).unwrap_or(line));
        rest = behind.get(end..).unwrap_or_default();
    }
    lines
}

/// `text.title()`: a capital behind all that is no letter.
pub(super) fn title(text: &str) -> String {
    let mut inside = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_lowercase() || c.is_uppercase();
    }
    out
}
