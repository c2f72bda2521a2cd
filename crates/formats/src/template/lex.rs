//! Cuts a template's tags into tokens.

/// Where a tag closes: outside of strings, and for `}}` outside of braces.
pub(super) fn close_of(tag: &str, close: &str) -> Option<usize> {
    let bytes = tag.as_bytes();
    let (mut at, mut braces) = (2, 0_usize);
    while at < bytes.len() {
        let rest = bytes.get(at..)?;
        if rest.starts_with(close.as_bytes()) && (close == "%}" || braces == 0) {
            return Some(at);
        }
        at += match rest.first()? {
            b'\'' | b'"' => string(rest),
            b'{' => {
                braces += 1;
                1
            }
            b'}' => {
                braces = braces.saturating_sub(1);
                1
            }
            _ => 1,
        };
    }
    None
}

/// The length of the string literal at the start.
fn string(bytes: &[u8]) -> usize {
    let quote = bytes.first().copied().unwrap_or_default();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'\\' => at += 1,
            b if *b == quote => break,
            _ => {}
        }
    }
    at.min(bytes.len())
}

/// A piece of a tag.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Token<'t> {
    Space(&'t str),
    Word(&'t str),
    Literal(&'t str),
    Sign(&'t str),
}

impl<'t> Token<'t> {
    pub(super) fn text(self) -> &'t str {
        match self {
            Self::Space(t) | Self::Word(t) | Self::Literal(t) | Self::Sign(t) => t,
        }
    }
}

/// The tokens of a tag.
pub(super) fn tokens(body: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        let run = |class: fn(char) -> bool| rest.find(|c| !class(c)).unwrap_or(rest.len());
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let twos = ["==", "!=", "<=", ">=", "**", "//"];
        let len = match c {
            '\'' | '"' => string(rest.as_bytes()),
            c if c.is_whitespace() => run(char::is_whitespace),
            c if word(c) => run(|c| c.is_alphanumeric() || c == '_'),
            _ if twos.iter().any(|two| rest.starts_with(two)) => 2,
            c => c.len_utf8(),
        };
        let (head, tail) = rest.split_at_checked(len).unwrap_or((rest, ""));
        out.push(match c {
            c if c.is_whitespace() => Token::Space(head),
            c if c == '\'' || c == '"' || c.is_ascii_digit() => Token::Literal(head),
            c if word(c) => Token::Word(head),
            _ => Token::Sign(head),
        });
        rest = tail;
    }
    out
}
