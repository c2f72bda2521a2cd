//! Examples that a person types or pastes, as a file.

use serde_json::json;

/// How a text writes its rows; the trainer knows it by the file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    JsonLines,
    Csv,
    Tsv,
    Plain,
}

impl Writing {
    pub(crate) const ALL: [Self; 4] = [Self::JsonLines, Self::Csv, Self::Tsv, Self::Plain];

    /// The end of a file's name.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Plain => "txt",
        }
    }

    /// What `text` looks like: JSON by its first sign; a table where the first two lines have as many separators.
    pub(crate) fn of(text: &str) -> Self {
        if text.trim_start().starts_with(['{', '[']) {
            return Self::JsonLines;
        }
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let table = |separator: char| {
            let count = |line: &str| fields(line, separator);
            count(first) > 1 && count(first) == count(second)
        };
        match (table('\t'), table(',')) {
            (true, _) => Self::Tsv,
            (_, true) => Self::Csv,
            _ => Self::Plain,
        }
    }
}

/// Fields of a line; separators between quotes are text.
fn fields(line: &str, separator: char) -> usize {
    line.split('"').step_by(2).map(|outside| outside.matches(separator).count()).sum::<usize>() + 1
}

/// A question and its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) prompt: String,
    pub(crate) completion: String,
}

/// Rows as JSON lines; those where either side is blank are left out.
pub(crate) fn json_lines(pairs: &[Pair]) -> String {
    let whole = |pair: &&Pair| !pair.prompt.trim().is_empty() && !pair.completion.trim().is_empty();
    let line = |pair: &Pair| {
        let row = json!({ "prompt": pair.prompt.trim(), "completion": pair.completion.trim() });
        format!("{row}\n")
    };
    pairs.iter().filter(whole).map(line).collect()
}

/// What a person says of columns, as [`smolder_protocol::TrainConfig::map`] has it.
pub(crate) fn mapping(columns: &[(&str, &str)]) -> Vec<String> {
    let renamed = columns.iter().filter(|(column, field)| column != field && !column.is_empty());
    renamed.map(|(column, field)| format!("{column}={field}")).collect()
}

/// The column that most likely holds `field`.
pub(crate) fn likely_column<'a>(field: &str, columns: &'a [String]) -> Option<&'a str> {
    let names: &[&str] = match field {
        "prompt" => &["prompt", "question", "input", "instruction", "ask", "query", "source", "问题", "输入"],
        "completion" => {
            &["completion", "answer", "output", "response", "reply", "target", "label", "回答", "输出"]
        }
        _ => &["text", "content", "story", "body", "正文", "文本"],
    };
    let find = |name: &&str| columns.iter().find(|column| column.to_lowercase().contains(name));
    names.iter().find_map(find).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_text_is_recognised() {
        for (text, writing) in [
            ("{\"text\": \"a, b\"}\n{\"text\": \"c\"}", Writing::JsonLines),
            ("\n  [{}]", Writing::JsonLines),
            ("prompt,completion\n\"Hello, you\",Hi", Writing::Csv),
            ("a\tb\n1, 2\t3", Writing::Tsv),
            ("Once, there was\na king, old, and grey.", Writing::Plain),
            ("one line, with a comma", Writing::Plain),
            ("", Writing::Plain),
        ] {
            assert_eq!(Writing::of(text), writing, "{text}");
        }
    }

    #[test]
    fn typed_rows_become_json_whatever_is_in_them() {
        let pair = |prompt: &str, completion: &str| Pair {
            prompt: prompt.to_owned(),
            completion: completion.to_owned(),
        };
        let text = json_lines(&[pair(" a\n\"b\" ", "<script>"), pair("only asked", " "), pair("", "")]);
        assert_eq!(text, "{\"completion\":\"<script>\",\"prompt\":\"a\\n\\\"b\\\"\"}\n");
    }

    #[test]
    fn columns_are_guessed_by_name_and_renamed_only_where_they_differ() {
        let columns = ["id", "Question", "best_answer"].map(str::to_owned);
        assert_eq!(likely_column("prompt", &columns), Some("Question"));
        assert_eq!(likely_column("completion", &columns), Some("best_answer"));
        assert_eq!(likely_column("text", &columns), None);
        let map = mapping(&[("Question", "prompt"), ("completion", "completion"), ("", "text")]);
        assert_eq!(map, ["Question=prompt"]);
    }
}
