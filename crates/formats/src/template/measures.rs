//! Whether a template could tell marked text from unmarked text.

use super::lex::{self, Token};

/// Tests that do not look into a text.
const PLAIN_TESTS: [&str; 5] = ["defined", "undefined", "none", "string", "mapping"];
/// Filters, and methods without arguments, that treat each character alike, or look at the text's ends for space.
const PLAIN_CHANGES: [&str; 8] = ["trim", "upper", "lower", "string", "safe", "strip", "lstrip", "rstrip"];

/// Whether more is done with texts than to join, trim and write them: counting, cutting, searching and comparing all
/// find the marks. Only what is known to find none counts as harmless.
pub(super) fn measures(source: &str) -> bool {
    !lex::tags(source).all(|tag| tag.is_some_and(|body| Tag::new(body).is_harmless()))
}

/// A tag's tokens without space.
struct Tag<'t>(Vec<Token<'t>>);

impl<'t> Tag<'t> {
    fn new(body: &'t str) -> Self {
        let signed = body.strip_prefix(['-', '+']).unwrap_or(body);
        let signed = signed.strip_suffix(['-', '+']).unwrap_or(signed);
        Self(lex::tokens(signed).into_iter().filter(|token| !matches!(token, Token::Space(_))).collect())
    }

    fn text(&self, at: Option<usize>) -> &'t str {
        at.and_then(|at| self.0.get(at)).map_or("", |token| token.text())
    }

    fn is_harmless(&self) -> bool {
        // What is compared as a role must have come as one.
        if self.text(Some(0)) == "set" && self.text(Some(2)) != "=" {
            return false;
        }
        let is_loop = self.text(Some(0)) == "for";
        // A loop over a text sees its marks.
        let over_messages =
            self.0.len() == 4 && self.text(Some(2)) == "in" && self.text(Some(3)) == "messages";
        if is_loop {
            return over_messages && self.text(Some(1)) != "messages";
        }
        (0..self.0.len()).all(|at| self.is_harmless_at(at))
    }

    fn is_harmless_at(&self, at: usize) -> bool {
        let [before, next] = [self.text(at.checked_sub(1)), self.text(Some(at + 1))];
        match self.0.get(at) {
            None | Some(Token::Literal(_) | Token::Space(_)) => true,
            Some(Token::Word("messages")) => matches!(next, "" | "[" | "." | ")"),
            Some(Token::Word("is")) if next == "not" => PLAIN_TESTS.contains(&self.text(Some(at + 2))),
            Some(Token::Word("is")) => PLAIN_TESTS.contains(&next),
            Some(Token::Word(word)) => match (before, next) {
                ("|", "(") => false,
                ("|", _) => PLAIN_CHANGES.contains(word),
                (".", "(") => PLAIN_CHANGES.contains(word) && self.text(Some(at + 2)) == ")",
                (_, "(") => matches!(*word, "raise_exception" | "if" | "elif" | "and" | "or" | "not"),
                _ => !matches!(
                    *word,
                    "in" | "raw" | "macro" | "call" | "filter" | "include" | "import" | "block"
                ),
            },
            Some(Token::Sign("==" | "!=")) => self.compares_role(at),
            Some(Token::Sign("[")) => self.is_plain_key(at),
            Some(Token::Sign(sign)) => matches!(*sign, "+" | "~" | "." | "(" | ")" | "]" | "|" | "="),
        }
    }

    /// `message.role` or `message['role']`, with a name behind the sign; or anything with a number.
    fn compares_role(&self, at: usize) -> bool {
        let back = |by: usize| self.text(at.checked_sub(by));
        let dotted = back(1) == "role" && back(2) == ".";
        let role = dotted || (back(1) == "]" && ["'role'", "\"role\""].contains(&back(2)));
        let value = self.text(Some(at + 1));
        let known = (role && is_name(value)) || is_number(value);
        known && matches!(self.text(Some(at + 2)), "" | ")" | "and" | "or")
    }

    /// `messages[0]`, or a field's name.
    fn is_plain_key(&self, at: usize) -> bool {
        let key = self.text(Some(at + 1));
        let first = is_number(key) && self.text(at.checked_sub(1)) == "messages";
        let plain = is_name(key) || first;
        plain && self.text(Some(at + 2)) == "]"
    }
}

fn is_number(literal: &str) -> bool {
    !literal.is_empty() && literal.bytes().all(|byte| byte.is_ascii_digit())
}

/// A literal of letters: no control token's edge is in it.
fn is_name(literal: &str) -> bool {
    let inside = literal.strip_prefix(['\'', '"']).and_then(|text| text.strip_suffix(['\'', '"']));
    inside.is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

#[cfg(test)]
mod tests {
    use super::measures;

    #[test]
    fn joining_and_trimming_are_harmless() {
        let smollm2 = include_str!("../../../../tests/fixtures/formats/templates/smollm2.jinja");
        for source in [
            super::super::CHATML,
            smollm2,
            "{% for m in messages %}{{ m.content|trim + m['content'].strip() ~ eos_token }}{% endfor %}",
            "{%- if messages[0].role == 'system' and loop.index0 == 0 -%}{# length #}{%- endif -%}",
            "{% set x = messages[0]['content'] %}{% if x is not none and not x %}{{ raise_exception('no') }}{% endif %}",
        ] {
            assert!(!measures(source), "{source}");
        }
    }

    #[test]
    fn what_may_find_a_mark_is_not() {
        for tag in [
            "{{ x|length }}",
            "{{ x[0] }}",
            "{{ x[1:] }}",
            "{{ x[y] }}",
            "{{ x['<b>'] }}",
            "{{ x == 'a' }}",
            "{{ 'a' == x }}",
            "{{ x.role == y }}",
            "{{ x.role == 'a' ~ y }}",
            "{{ role == 'a' }}",
            "{{ x['roles'] == 'a' }}",
            "{{ 'a' in x }}",
            "{{ x < y }}",
            "{{ x * 2 }}",
            "{{ {'a': x} }}",
            "{{ [x, x] }}",
            "{{ x.find('a') }}",
            "{{ x.strip('a') }}",
            "{{ x|replace('a', 'b') }}",
            "{{ x|title }}",
            "{{ x is lower }}",
            "{{ x is not lower }}",
            "{{ f(x) }}",
            "{{ dict(role=x) }}",
            "{% for c in x %}{% endfor %}",
            "{% for c in messages[0].content %}{% endfor %}",
            "{% for messages in messages %}{% endfor %}",
            "{% set messages = x %}",
            "{% set ns.role = x %}",
            "{% set x %}a{% endset %}",
            "{% macro f() %}{% endmacro %}",
            "{% filter title %}{% endfilter %}",
            "{{ x",
        ] {
            assert!(measures(tag), "{tag}");
        }
    }
}
