//! Names of files and folders in the storage.

/// Bytes of a name; the storage takes 200, and runs and exports add to it.
const MOST_BYTES: usize = 150;

/// A file's name as the storage takes it: its last part, without signs that paths or shells would read. A long one loses
/// its middle, because its end says what it is.
pub(crate) fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let sign = |c: char| if c.is_alphanumeric() || "._-+() ".contains(c) { c } else { '_' };
    let kept: String = last.chars().map(sign).collect();
    let kept = kept.trim().trim_start_matches('.');
    let (stem, end) = kept.split_at(kept.rfind('.').filter(|at| kept.len() - at < 20).unwrap_or(kept.len()));
    let stem = &stem[..stem.floor_char_boundary(MOST_BYTES - end.len().min(MOST_BYTES))];
    if stem.is_empty() { format!("file{end}") } else { format!("{stem}{end}") }
}

/// A name for a run's folder: the examples, and when it began, from a date like `2026-11-22T13:56:07.000Z`.
pub(crate) fn run_name(examples: &str, date: &str) -> String {
    let stem = examples.rsplit_once('.').map_or(examples, |(stem, _)| stem);
    let time: String = date.chars().take(19).filter(char::is_ascii_digit).collect();
    let (day, clock) = time.split_at_checked(8).unwrap_or((&time, ""));
    format!("{stem}-{day}-{clock}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_shelf() {
        for (name, safe) in [
            ("model.Q4_0.gguf", "model.Q4_0.gguf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\models\\a.gguf", "a.gguf"),
            (".hidden", "hidden"),
            ("a<b>.csv", "a_b_.csv"),
            ("模型.gguf", "模型.gguf"),
            (&*format!("{}.safetensors", "长".repeat(99)), &*format!("{}.safetensors", "长".repeat(46))),
            ("/", "file"),
            ("", "file"),
        ] {
            assert_eq!(safe_name(name), safe);
        }
    }

    #[test]
    fn a_run_is_called_after_its_examples_and_its_beginning() {
        assert_eq!(run_name("tale-style.jsonl", "2026-11-22T13:56:07.123Z"), "tale-style-20261122-135607");
        assert_eq!(run_name("", ""), "--");
    }
}
