//! Puts a meter on every operation that can make a value larger.
//!
//! minijinja's fuel bounds the number of operations, not the size of what they work on: a string that is doubled
//! thirty times costs a few hundred instructions and a gigabyte. So each operand of `+ ~ * in == != < >`, each
//! filter's input and each sliced value gets a filter of ours behind it, `a + b` becoming
//! `a|_cost('+') + b|_cost('+')`, which takes its size off the budget and returns it unchanged.

use super::lex::{Token, close_of, tokens};
use crate::error::{Error, Kind, Result};
use crate::limits::TEMPLATE_LINKS;

/// The filter that measures.
pub(super) const COST: &str = "_cost";

/// Brackets inside brackets, in one tag.
const DEPTH: usize = 64;

/// The template with meters.
///
/// # Errors
/// [`Kind::Limit`] for brackets nested too deeply, and for chains of operations that would be as deep when run.
pub(super) fn instrument(source: &str) -> Result<String> {
    let mut out = String::with_capacity(source.len() * 2);
    let mut rest = source;
    let mut branches = 0;
    while let Some(at) = rest.as_bytes().windows(2).position(|pair| matches!(pair, b"{{" | b"{%" | b"{#")) {
        let (text, tag) = rest.split_at(at);
        out.push_str(text);
        let close = match tag.as_bytes().get(1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            _ => "#}",
        };
        let end = if close == "#}" { tag.find(close) } else { close_of(tag, close) };
        let Some(end) = end else {
            rest = tag;
            break;
        };
        let (open, body) = tag.get(..end).and_then(|tag| tag.split_at_checked(2)).unwrap_or_default();
        out.push_str(open);
        if close == "#}" {
            out.push_str(body);
        } else {
            branches += usize::from(body.trim_start_matches(['-', '+', ' ', '\t', '\n']).starts_with("elif"));
            if branches > TEMPLATE_LINKS {
                return Err(too_many("branches"));
            }
            out.push_str(&expression(body)?);
        }
        out.push_str(close);
        rest = tag.get(end + 2..).unwrap_or_default();
        if close == "%}" && body.trim_matches(['-', '+', ' ', '\t', '\n']) == "raw" {
            // Up to the end of `{% endraw %}`, or of the template where there is none.
            let end = rest.find("endraw").and_then(|at| Some(at + rest.get(at..)?.find("%}")? + 2));
            let (raw, behind) = rest.split_at(end.unwrap_or(rest.len()));
            out.push_str(raw);
            rest = behind;
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn too_many(what: &str) -> Error {
    Error::new(Kind::Limit, "chat template", format!("at most {TEMPLATE_LINKS} {what}"), "more")
}

/// Whether a token makes the expression nest deeper, where many of them stand one behind the other.
fn is_link(token: &Token<'_>) -> bool {
    match token {
        Token::Sign(sign) => !matches!(*sign, "," | ":" | ")" | "]" | "}" | "{" | "="),
        Token::Word(word) => matches!(*word, "and" | "or" | "not" | "in" | "is" | "if" | "else"),
        Token::Space(_) | Token::Literal(_) => false,
    }
}

/// The meter for a binary operator, if it needs one.
fn metered(token: Option<Token<'_>>) -> Option<&'static str> {
    match token?.text() {
        "+" | "~" => Some("+"),
        "*" => Some("*"),
        "in" | "==" | "!=" | "<" | ">" | "<=" | ">=" => Some("=="),
        _ => None,
    }
}

const NO_OPERAND: [&str; 20] = [
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    "elif",
    "for",
    "set",
    "macro",
    "call",
    "filter",
    "with",
    "do",
    "recursive",
    "import",
    "include",
    "from",
    "as",
];

fn expression(body: &str) -> Result<String> {
    let tokens = tokens(body);
    let mut depth = 0_usize;
    for token in &tokens {
        match token {
            Token::Sign("(" | "[" | "{") => depth += 1,
            Token::Sign(")" | "]" | "}") => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH {
            let expected = format!("at most {DEPTH} nested brackets");
            return Err(Error::new(Kind::Limit, "chat template", expected, "more"));
        }
    }
    if tokens.iter().filter(|token| is_link(token)).count() > TEMPLATE_LINKS {
        return Err(too_many("operations in a tag"));
    }
    Ok(Writer { tokens: &tokens, at: 0 }.sequence(None))
}

struct Writer<'t> {
    tokens: &'t [Token<'t>],
    at: usize,
}

impl<'t> Writer<'t> {
    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).copied()
    }

    /// The next token that is not space.
    fn ahead(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at..)?.iter().find(|t| !matches!(t, Token::Space(_))).copied()
    }

    fn take(&mut self) -> &'t str {
        let text = self.peek().map_or("", Token::text);
        self.at += 1;
        text
    }

    fn spaces(&mut self, out: &mut String) {
        while let Some(Token::Space(text)) = self.peek() {
            out.push_str(text);
            self.at += 1;
        }
    }

    /// Operands and what is between them, up to the closing bracket.
    fn sequence(&mut self, close: Option<&str>) -> String {
        let mut out = String::new();
        let mut before = None;
        // Between `for` and `in` are names to be set, not values.
        let mut targets = false;
        while let Some(token) = self.peek() {
            match token {
                Token::Sign(sign) if Some(sign) == close => break,
                Token::Space(text) => {
                    out.push_str(text);
                    self.at += 1;
                    continue;
                }
                Token::Word(word) if NO_OPERAND.contains(&word) => {
                    targets = word == "for" || (targets && word != "in");
                    out.push_str(self.take());
                }
                Token::Sign(sign) if !matches!(sign, "(" | "[" | "{") => out.push_str(self.take()),
                _ => {
                    let operand = self.operand();
                    out.push_str(&operand);
                    let literal = matches!(token, Token::Literal(text) if text == operand);
                    let meter = metered(self.ahead()).into_iter().chain(metered(before)).min();
                    if let Some(meter) = meter.filter(|_| !targets).filter(|meter| !literal || *meter == "*")
                    {
                        for part in ["|", COST, "('", meter, "')"] {
                            out.push_str(part);
                        }
                    }
                }
            }
            before = Some(token);
        }
        out
    }

    /// A primary expression with everything that binds tighter than an operator.
    fn operand(&mut self) -> String {
        let mut out = self.primary();
        loop {
            let mut spaces = String::new();
            let mark = self.at;
            self.spaces(&mut spaces);
            match self.peek() {
                Some(Token::Sign(".")) => {
                    out.push_str(&spaces);
                    out.push_str(self.take());
                    self.spaces(&mut out);
                    out.push_str(self.take());
                }
                Some(Token::Sign("(")) => {
                    let inner = self.bracket();
                    out.push_str(&inner);
                }
                Some(Token::Sign("[")) => {
                    let slice = self.is_slice();
                    let inner = self.bracket();
                    out = if slice { format!("({out}|{COST}('slice')){inner}") } else { out + &inner };
                }
                Some(Token::Sign("|")) => {
                    self.at += 1;
                    self.spaces(&mut String::new());
                    let name = self.take();
                    for part in ["|", COST, "('", name, "')|", name] {
                        out.push_str(part);
                    }
                }
                _ => {
                    self.at = mark;
                    return out;
                }
            }
        }
    }

    fn primary(&mut self) -> String {
        match self.peek() {
            Some(Token::Sign("(" | "[" | "{")) => self.bracket(),
            _ => self.take().to_owned(),
        }
    }

    /// A bracketed group, instrumented inside.
    fn bracket(&mut self) -> String {
        let open = self.take();
        let close = match open {
            "(" => ")",
            "[" => "]",
            _ => "}",
        };
        let inner = self.sequence(Some(close));
        let closing = if self.peek().is_some() { self.take() } else { "" };
        format!("{open}{inner}{closing}")
    }

    /// Whether the subscript that starts here has a colon of its own.
    fn is_slice(&self) -> bool {
        let mut depth = 0_usize;
        for token in self.tokens.iter().skip(self.at) {
            match token.text() {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" if depth <= 1 => return false,
                ")" | "]" | "}" => depth -= 1,
                ":" if depth == 1 && matches!(token, Token::Sign(_)) => return true,
                _ => {}
            }
        }
        false
    }
}
