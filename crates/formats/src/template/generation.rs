//! `{% generation %}` … `{% endgeneration %}`: a template's own word on what the model is trained to say.

/// What stands in the output where such a block starts and ends: noncharacters, which no text may contain.
pub(super) const START: char = '\u{fdd0}';
/// See [`START`].
pub(super) const END: char = '\u{fdd1}';

/// The template with those tags writing the marks, and whether it has any.
pub(super) fn mark(source: &str) -> (String, bool) {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    let mut found = false;
    while let Some(at) = rest.find("{%") {
        let Some(len) = rest.get(at..).and_then(|tag| tag.find("%}")).map(|len| len + 2) else { break };
        let (before, tag) = rest.split_at(at);
        let (tag, behind) = tag.split_at_checked(len).unwrap_or((tag, ""));
        out.push_str(before);
        let inside = tag.get(2..len - 2).unwrap_or_default();
        let name = inside.trim_start_matches(['-', '+']).trim_end_matches(['-', '+']).trim();
        let written = match name {
            "generation" => Some(START),
            "endgeneration" => Some(END),
            _ => None,
        };
        match written {
            Some(mark) => {
                found = true;
                out.push_str(&emit(inside, mark));
            }
            None => out.push_str(tag),
        }
        rest = behind;
    }
    out.push_str(rest);
    (out, found)
}

/// Block tags that write `mark` and treat the space around as the one block tag did.
fn emit(inside: &str, mark: char) -> String {
    let sign =
        |found: Option<&str>| found.filter(|sign| ["-", "+"].contains(sign)).unwrap_or_default().to_owned();
    let open = sign(inside.get(..1));
    let close = sign(inside.get(inside.len().saturating_sub(1)..));
    format!("{{%{open} if true %}}{{{{ '{mark}' }}}}{{% endif {close}%}}")
}
