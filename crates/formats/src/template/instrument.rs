//! Puts a meter on every operation that can make a value larger, deeper, or slow to look at.
//!
//! minijinja's fuel bounds the number of operations, not the size of what they work on: a string that is doubled
//! thirty times costs a few hundred instructions and a gigabyte. So each operand of `+ ~ * in == != < >`, each sliced
//! value and each key gets a filter of ours behind it, `a + b` becoming `a|_cost('+') + b|_cost('+')`, which takes its
//! size off the budget and returns it unchanged. Lists, maps, slices and what is `set` get one that bounds their depth.
//! Text between tags is charged by a tag in front of it, which writes nothing. Filters, tests, methods and functions
//! are our own and take their price themselves.

use super::lex::{self, Token, tokens};
use super::operands::Writer;
use crate::error::{Error, Kind, Result};
use crate::limits::TEMPLATE_LINKS;

/// The filter that measures.
pub(super) const COST: &str = "_cost";
/// The filter that takes a number of bytes off the budget, and gives an empty text.
pub(super) const TEXT: &str = "_text";

/// Brackets inside brackets, in one tag.
const DEPTH: usize = 64;
/// Text between tags, and in literals, that is not worth a meter: the instruction that writes it costs as much.
pub(super) const SHORT: usize = 16;

/// The template with meters.
///
/// # Errors
/// [`Kind::Limit`] for brackets nested too deeply, and for chains of operations that would be as deep when run.
pub(super) fn instrument(source: &str) -> Result<String> {
    let mut out = String::with_capacity(source.len() * 2);
    let mut rest = source;
    let mut branches = 0;
    let mut before = "";
    while let Some(at) = lex::next_tag(rest) {
        let (text, tag) = rest.split_at(at);
        out.push_str(&meter_for(before, text.len()));
        out.push_str(text);
        let Some(len) = lex::tag_end(tag).map(|end| end + 2) else {
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
        let [open, body, close] = signed(tag.get(2..len - 2).unwrap_or_default());
        branches += usize::from(body.trim_start().starts_with("elif"));
        if branches > TEMPLATE_LINKS {
            return Err(too_many("branches"));
        }
        let [left, right] = [tag.get(..2), tag.get(len - 2..)].map(Option::unwrap_or_default);
        for part in [left, open, &expression(body)?, close, right] {
            out.push_str(part);
        }
    }
    out.push_str(&meter_for(before, rest.len()));
    out.push_str(rest);
    Ok(out)
}

/// What stands in a tag, between the signs that say what becomes of the space around it: they are no operators.
fn signed(body: &str) -> [&str; 3] {
    let (open, rest) = body.split_at(usize::from(body.starts_with(['-', '+'])));
    let (rest, close) = rest.split_at(rest.len() - usize::from(rest.ends_with(['-', '+'])));
    [open, rest, close]
}

/// A tag that charges for text, between that text and the tag before it, whose way with the space behind it has.
fn meter_for(before: &str, bytes: usize) -> String {
    let (tag, close) = before.split_at_checked(before.len().saturating_sub(2)).unwrap_or_default();
    let sign = ["-", "+"].into_iter().find(|sign| tag.ends_with(sign)).unwrap_or_default();
    match close {
        _ if bytes <= SHORT => String::new(),
        "}}" => format!("{{{{ {bytes}|{TEXT} {sign}}}}}"),
        "%}" | "#}" => format!("{{% if {bytes}|{TEXT} %}}{{% endif {sign}%}}"),
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
    Ok(Writer::new(&tokens).tag())
}
