//! Cuts a template into tags, and tags into tokens, where minijinja cuts them: what it takes for an expression must not
//! be taken for text here.

/// Where a tag closes: outside of strings and brackets.
pub(super) fn close_of(tag: &str, close: &str) -> Option<usize> {
    let bytes = tag.as_bytes();
    let (mut at, mut open) = (2, 0_i64);
    while at < bytes.len() {
        let rest = bytes.get(at..)?;
        if rest.starts_with(close.as_bytes()) && open == 0 {
            return Some(at);
        }
        at += match rest.first()? {
            b'\'' | b'"' => string(rest),
            b'(' | b'[' | b'{' => {
                open += 1;
                1
            }
            b')' | b']' | b'}' => {
                open -= 1;
                1
            }
            _ => 1,
        };
    }
    None
}

/// Where a comment closes: behind its opening and the sign there.
pub(super) fn comment_end(tag: &str) -> Option<usize> {
    let start = 2 + usize::from(tag.get(2..).is_some_and(|rest| rest.starts_with(['-', '+'])));
    tag.get(start..)?.find("#}").map(|at| start + at)
}

/// The length of a tag that consists of one word, such as `{%- raw %}`.
pub(super) fn basic_tag(tag: &str, name: &str) -> Option<usize> {
    let space = |text: &'_ str| text.len() - text.trim_ascii_start().len();
    let sign = |text: &str| usize::from(text.starts_with(['-', '+']));
    let mut at = 2 + sign(tag.strip_prefix("{%")?);
    at += space(tag.get(at..)?);
    at += tag.get(at..)?.strip_prefix(name).map(|_| name.len())?;
    at += space(tag.get(at..)?);
    at += sign(tag.get(at..)?);
    tag.get(at..)?.starts_with("%}").then_some(at + 2)
}

/// The length of what a raw block holds, and of the tag that ends it.
pub(super) fn raw_end(text: &str) -> Option<(usize, usize)> {
    let mut tags = text.match_indices("{%");
    tags.find_map(|(at, _)| Some((at, basic_tag(text.get(at..)?, "endraw")?)))
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
