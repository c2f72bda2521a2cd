//! Cuts a template into tags, and tags into tokens, where minijinja cuts them: what it takes for an expression must not
//! be taken for text here.

/// Where the next tag or comment starts.
pub(super) fn next_tag(text: &str) -> Option<usize> {
    text.as_bytes().windows(2).position(|pair| matches!(pair, b"{{" | b"{%" | b"{#"))
}

/// What stands in each tag, up to one that never closes: `None`.
pub(super) fn tags(source: &str) -> impl Iterator<Item = Option<&str>> {
    let mut rest = Some(source);
    std::iter::from_fn(move || {
        loop {
            let from = rest.take()?;
            let tag = from.get(next_tag(from)?..)?;
            let Some(end) = tag_end(tag) else { return Some(None) };
            rest = tag.get(end + 2..);
            if !tag.starts_with("{#") {
                return Some(tag.get(2..end));
            }
        }
    })
}

/// Where the tag or comment that starts here closes.
pub(super) fn tag_end(tag: &str) -> Option<usize> {
    match tag.as_bytes().get(1)? {
        b'{' => close_of(tag, "}}"),
        b'%' => close_of(tag, "%}"),
        _ => comment_end(tag),
    }
}

/// Where a tag closes: outside of strings and brackets.
fn close_of(tag: &str, close: &str) -> Option<usize> {
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
fn comment_end(tag: &str) -> Option<usize> {
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

/// The length of the number at the start, or of its part behind a dot: an exponent may have a sign.
fn number(text: &str) -> usize {
    let end = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (digits, rest) = text.split_at(end(text));
    let exponent =
        rest.strip_prefix(['-', '+']).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    match exponent {
        Some(exponent) if digits.ends_with(['e', 'E']) && !digits.starts_with("0x") => {
            digits.len() + 1 + end(exponent)
        }
        _ => digits.len(),
    }
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
            c if c.is_ascii_digit() => number(rest),
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
