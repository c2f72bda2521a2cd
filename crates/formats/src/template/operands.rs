//! One tag with the meters of [`super::instrument`].

use super::instrument::{COST, SHORT};
use super::lex::Token;

/// The meter for a binary operator, if it needs one.
fn metered(token: Option<Token<'_>>) -> Option<&'static str> {
    match token?.text() {
        "+" => Some("+"),
        "~" => Some("~"),
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

pub(super) struct Writer<'t> {
    tokens: &'t [Token<'t>],
    at: usize,
    /// Lists and maps around this place.
    literals: usize,
}

impl<'t> Writer<'t> {
    pub(super) fn new(tokens: &'t [Token<'t>]) -> Self {
        Self { tokens, at: 0, literals: 0 }
    }

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
    pub(super) fn tag(mut self) -> String {
        let set = self.ahead() == Some(Token::Word("set"));
        let Some((targets, at)) = self.assignment().filter(|_| set) else {
            return self.sequence(None);
        };
        let mut out: String = self.tokens.iter().take(at + 1).map(|token| token.text()).collect();
        let value = Writer::new(self.tokens.get(at + 1..).unwrap_or_default()).sequence(None);
        let keep = if targets { "assign" } else { "keep" };
        for part in [" (", &value, ")|", COST, "('", keep, "') "] {
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
                    // Names in brackets are no tuple where values are to be given to them.
                    let names = usize::from(targets || before == Some(Token::Word("call")));
                    self.literals += names;
                    let operand = self.operand();
                    self.literals -= names;
                    out.push_str(&operand);
                    let short =
                        matches!(token, Token::Literal(text) if text == operand && text.len() <= SHORT);
                    let number = operand.starts_with(|c: char| c.is_ascii_digit());
                    let meter = metered(self.ahead()).into_iter().chain(metered(before)).min();
                    let free = |meter: &str| short && !(meter == "*" || (meter == "~" && number));
                    if let Some(meter) = meter.filter(|meter| !targets && !free(meter)) {
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
