//! A model card: the `README.md` that the hub shows of a model.

use std::io::{Read, Seek};

use crate::error::Result;
use crate::limits;
use crate::source::Source;

/// The licence that a card states between the lines `---` at its start.
pub(super) fn licence<R: Read + Seek>(mut source: Source<R>) -> Result<Option<String>> {
    let mut start = vec![0; source.len().min(limits::CARD_START_BYTES) as usize];
    source.read_at(0, &mut start)?;
    Ok(stated(&String::from_utf8_lossy(&start)))
}

/// `license`; where that is another one than the hub knows, `license_name`.
fn stated(card: &str) -> Option<String> {
    let mut lines = card.trim_start_matches('\u{feff}').lines().map(str::trim_end);
    lines.next().filter(|line| *line == "---")?;
    let front: Vec<&str> = lines.take_while(|line| *line != "---").collect();
    let value = |key: &str| {
        let value = front.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        Some(value.trim().trim_matches(['"', '\''])).filter(|value| !value.is_empty())
    };
    let licence = value("license")?;
    Some(if licence == "other" { value("license_name").unwrap_or(licence) } else { licence }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::stated;

    #[test]
    fn a_licence_stands_between_two_lines_at_the_start() {
        for (card, want) in [
            ("---\nlanguage: en\nlicense: apache-2.0\n---\n# M\n", Some("apache-2.0")),
            ("\u{feff}---\r\nlicense: \"mit\"\r\n---\r\n", Some("mit")),
            ("---\nlicense: other\nlicense_name: gemma\n---\n", Some("gemma")),
            ("---\nlicense: other\n---\n", Some("other")),
            ("---\ntags: [a]\n---\nlicense: mit\n", None),
            ("---\nlicense:\n---\n", None),
            ("---\nlicense_link: x\n---\n", None),
            ("license: mit\n", None),
            ("", None),
        ] {
            assert_eq!(stated(card).as_deref(), want, "{card:?}");
        }
    }
}
