//! Loops written out: devices keep an array in registers only where each index is constant.

/// Writes out the loops marked `// unrolled`.
///
/// Such a loop is `for (var i = 0u; i < N; i++) { // unrolled` up to a `}` at the same indentation, `N` a number or a
/// `const` of the shader.
pub(crate) fn unroll(text: &str) -> String {
    unroll_lines(text.lines(), text)
}

fn unroll_lines<'a>(mut lines: impl Iterator<Item = &'a str>, shader: &str) -> String {
    let mut unrolled = Vec::new();
    while let Some(line) = lines.next() {
        let Some((index, count)) = unrolled_loop(line, shader) else {
            unrolled.push(line.to_owned());
            continue;
        };
        let closing = line.replace(line.trim(), "}");
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != closing).collect();
        let body = unroll_lines(body.into_iter(), shader);
        unrolled.extend((0..count).map(|value| format!("{{ const {index} = {value}u;\n{body}\n}}")));
    }
    unrolled.join("\n")
}

/// The index of a marked loop and its count.
fn unrolled_loop<'a>(line: &'a str, shader: &str) -> Option<(&'a str, u32)> {
    let head = line.trim().strip_prefix("for (var ")?.strip_suffix("++) { // unrolled")?;
    let (index, rest) = head.split_once(" = 0u; ")?;
    let limit = rest.strip_prefix(index)?.strip_prefix(" < ")?.strip_suffix(index)?.strip_suffix("; ")?;
    let value = || shader.split_once(&format!("const {limit}: u32 = "))?.1.split_once("u;");
    let count = limit.strip_suffix('u').or_else(|| value().map(|(count, _)| count))?;
    Some((index, count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_loops_are_written_out() {
        let text = [
            "const N: u32 = 2u;",
            "  for (var i = 0u; i < N; i++) { // unrolled",
            "    for (var j = 0u; j < 1u; j++) { // unrolled",
            "      a[i] = j;",
            "    }",
            "  }",
            "for (var k = 0u; k < N; k++) {}",
        ];
        let inner = "{ const j = 0u;\n      a[i] = j;\n}";
        let outer = |i| format!("{{ const i = {i}u;\n{inner}\n}}");
        let expected = [text[0], &outer(0), &outer(1), text[6]].join("\n");
        assert_eq!(unroll(&text.join("\n")), expected);
    }
}
