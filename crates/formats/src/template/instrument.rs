//! Puts a meter on every operation that can make a value larger, deeper, or slow to look at.
//!
//! minijinja's fuel bounds the number of operations, not the size of what they work on: a string that is doubled
//! thirty times costs a few hundred instructions and a gigabyte. So each operand of `+ ~ * in == != < >`, each sliced
//! value and each key gets a filter of ours behind it, `a + b` becoming `a|_cost('+') + b|_cost('+')`, which takes its
//! size off the budget and returns it unchanged. Lists, maps, slices and what is `set` get one that bounds their depth.
//! Text between tags is charged by a tag in front of it, which writes nothing. Filters, tests, methods and functions
//! are our own and take their price themselves.

use super::lex::{self, Token, close_of, tokens};
use crate::error::{Error, Kind, Result};
use crate::limits::TEMPLATE_LINKS;

/// The filter that measures.
pub(super) const COST: &str = "_cost";
/// The filter that takes a number of bytes off the budget, and gives an empty text.
pub(super) const TEXT: &str = "_text";

/// Brackets inside brackets, in one tag.
const DEPTH: usize = 64;
/// Text between tags, and in literals, that is not worth a meter: the instruction that writes it costs as much.
const SHORT: usize = 16;

/// The template with meters.
///
/// # Errors
/// [`Kind::Limit`] for brackets nested too deeply, and for chains of operations that would be as deep when run.
pub(super) fn instrument(source: &str) -> Result<String> {
    let mut out = String::with_capacity(source.len() * 2);
    let mut rest = source;
    let mut branches = 0;
    let mut before = "";
    while let Some(at) = rest.as_bytes().windows(2).position(|pair| matches!(pair, b"{{" | b"{%" | b"{#")) {
        let (text, tag) = rest.split_at(at);
        out.push_str(&meter_for(before, text.len()));
        out.push_str(text);
        let Some(len) = tag_len(tag) else {
            rest = tag;
            break;
        };
        let (tag, behind) = tag.split_at_checked(len).unwrap_or((tag, ""));
        (before, rest) = (tag, behind);
        if tag.starts_with("{#") {
            out.push_str(tag);
            continue;
        }
        if lex::basic_tag(tag, "raw").is_some() {
            let (raw, end) = lex::raw_end(rest).unwrap_or((rest.len(), 0));
            // Charged behind it: what is between the tags is text, whatever it looks like.
            let (block, behind) = rest.split_at_checked(raw + end).unwrap_or((rest, ""));
            before = block.get(raw..).unwrap_or_default();
            for part in [tag, block, &meter_for(before, raw)] {
                out.push_str(part);
            }
            rest = behind;
            continue;
        }
        let body = tag.get(2..len - 2).unwrap_or_default();
        branches += usize::from(inside(body).starts_with("elif"));
        if branches > TEMPLATE_LINKS {
            return Err(too_many("branches"));
        }
        for part in
            [tag.get(..2).unwrap_or_default(), &expression(body)?, tag.get(len - 2..).unwrap_or_default()]
        {
            out.push_str(part);
        }
    }
    out.push_str(&meter_for(before, rest.len()));
    out.push_str(rest);
    Ok(out)
}

/// The length of the tag or comment that starts here.
fn tag_len(tag: &str) -> Option<usize> {
    let end = match tag.as_bytes().get(1)? {
        b'{' => close_of(tag, "}}"),
        b'%' => close_of(tag, "%}"),
        _ => lex::comment_end(tag),
    };
    end.map(|end| end + 2)
}

/// What a block tag says, without signs and space.
fn inside(body: &str) -> &str {
    body.strip_prefix(['-', '+']).unwrap_or(body).trim_start()
}

/// A tag that charges for text, between that text and the tag before it, whose way with the space behind it has.
fn meter_for(before: &str, bytes: usize) -> String {
    let Some(close) = before.get(before.len().saturating_sub(3)..).filter(|_| bytes > SHORT) else {
        return String::new();
    };
    let sign = close.get(..1).filter(|sign| matches!(*sign, "-" | "+")).unwrap_or_default();
    match close.get(1..) {
        Some("}}") => format!("{{{{ {bytes}|{TEXT} {sign}}}}}"),
        Some("%}" | "#}") => format!("{{% if {bytes}|{TEXT} %}}{{% endif {sign}%}}"),
        _ => String::new(),
    }
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
    Ok(Writer { tokens: &tokens, at: 0, literals: 0 }.tag(body))
}

struct Writer<'t> {
    tokens: &'t [Token<'t>],
    at: usize,
    /// Lists and maps around this place.
    literals: usize,
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

    /// A whole tag; what `set` keeps is bounded as a whole.
    fn tag(mut self, body: &str) -> String {
        let Some((targets, at)) = self.assignment().filter(|_| inside(body).starts_with("set")) else {
            return self.sequence(None);
        };
        let mut out: String = self.tokens.iter().take(at + 1).map(|token| token.text()).collect();
        let last = self.tokens.iter().rposition(|token| !matches!(token, Token::Space(_))).unwrap_or(at);
        let signed = body.ends_with(['-', '+']);
        let values =
            self.tokens.get(at + 1..if signed { last } else { self.tokens.len() }).unwrap_or_default();
        let value = Writer { tokens: values, at: 0, literals: 0 }.sequence(None);
        let keep = if targets { "assign" } else { "keep" };
        for part in
            [" (", &value, ")|", COST, "('", keep, "') ", if signed { &body[body.len() - 1..] } else { "" }]
        {
            out.push_str(part);
        }
        out
    }

    /// Where `=` is, and whether what is assigned to is part of something.
    fn assignment(&self) -> Option<(bool, usize)> {
        let at = self.tokens.iter().position(|token| matches!(token, Token::Sign("=" | "|")))?;
        let part = self.tokens.iter().take(at).any(|token| *token == Token::Sign("."));
        matches!(self.tokens.get(at), Some(Token::Sign("="))).then_some((part, at))
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
                    let literal =
                        matches!(token, Token::Literal(text) if text == operand && text.len() <= SHORT);
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
        let mut sliced = false;
        loop {
            let mut spaces = String::new();
            let mark = self.at;
            self.spaces(&mut spaces);
            let next = self.peek();
            let slice = next == Some(Token::Sign("[")) && self.is_slice();
            if sliced && !slice {
                // Slices of lists are cut anew each time they are looked at.
                out = format!("({out}|{COST}('keep'))");
            }
            sliced = slice;
            match next {
                Some(Token::Sign(".")) => {
                    out.push_str(&spaces);
                    out.push_str(self.take());
                    self.spaces(&mut out);
                    out.push_str(self.take());
                }
                Some(Token::Sign("(")) => out.push_str(&self.bracket()),
                Some(Token::Sign("[")) if slice => {
                    out = format!("({out}|{COST}('slice')){}", self.bracket());
                }
                Some(Token::Sign("[")) => out.push_str(&self.subscript()),
                Some(Token::Sign("|")) => {
                    out.push_str(self.take());
                    self.spaces(&mut out);
                    out.push_str(self.take());
                }
                _ => {
                    self.at = mark;
                    return out;
                }
            }
        }
    }

    fn primary(&mut self) -> String {
        let from = self.at;
        let Some(Token::Sign(open @ ("(" | "[" | "{"))) = self.peek() else { return self.take().to_owned() };
        let outermost = self.literals == 0;
        self.literals += usize::from(open != "(");
        let inner = self.bracket();
        self.literals -= usize::from(open != "(");
        let tokens = self.tokens.get(from..self.at).unwrap_or_default();
        // Of constants alone, it is as deep as its brackets.
        let names = tokens.iter().any(|token| matches!(token, Token::Word(_)));
        let builds = open != "(" || tokens.contains(&Token::Sign(","));
        if outermost && names && builds { format!("({inner}|{COST}('keep'))") } else { inner }
    }

    /// A subscript; a key is looked up by comparing it.
    fn subscript(&mut self) -> String {
        let from = self.at;
        let inner = self.bracket();
        let tokens = self.tokens.get(from..self.at).unwrap_or_default();
        let mut words = tokens.iter().filter(|token| !matches!(token, Token::Space(_)));
        let literal = words.clone().count() == 3 && words.any(|token| matches!(token, Token::Literal(_)));
        match inner.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(key) if !literal => format!("[({key})|{COST}('==')]"),
            _ => inner,
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
