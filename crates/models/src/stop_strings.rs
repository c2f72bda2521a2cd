//! Strings that end a text, found across the borders of the pieces that it comes in.

/// Looks for stop strings in streamed text and holds back what could become one.
///
/// The string that is complete first ends the text, so the result does not depend on the pieces.
#[derive(Debug, Clone, Default)]
pub struct StopStrings {
    stops: Vec<String>,
    held: String,
    stopped: Option<usize>,
}

impl StopStrings {
    /// Strings to stop at; empty ones stop nothing.
    pub fn new(stops: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let stops = stops.into_iter().map(Into::into).filter(|stop| !stop.is_empty()).collect();
        Self { stops, ..Self::default() }
    }

    /// Takes the next piece and returns what can be shown: text before a stop string, without the start of one.
    pub fn push(&mut self, piece: &str) -> String {
        if self.stopped.is_some() {
            return String::new();
        }
        self.held.push_str(piece);
        let ends = self.stops.iter().enumerate().filter_map(|(index, stop)| {
            let start = self.held.find(stop.as_str())?;
            Some((start + stop.len(), start, index))
        });
        let Some((_, start, index)) = ends.min() else {
            let shown = self.held.len() - self.start_of_a_stop();
            return self.held.drain(..shown).collect();
        };
        self.stopped = Some(index);
        self.held.truncate(start);
        std::mem::take(&mut self.held)
    }

    /// The stop string that ended the text.
    pub fn stopped(&self) -> Option<&str> {
        self.stops.get(self.stopped?).map(String::as_str)
    }

    /// Ends the text and returns what was held back and became no stop string.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Bytes at the end of what is held that some stop string starts with.
    fn start_of_a_stop(&self) -> usize {
        let starts = self.stops.iter().flat_map(|stop| stop.char_indices().map(|(end, _)| &stop[..end]));
        starts.filter(|start| self.held.ends_with(start)).map(str::len).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown of a text that comes in pieces, and what stopped it.
    fn shown(stops: &[&str], pieces: &[&str]) -> (String, Option<String>) {
        let mut strings = StopStrings::new(stops.iter().copied());
        let mut text: String = pieces.iter().map(|piece| strings.push(piece)).collect();
        text += &strings.finish();
        (text, strings.stopped().map(str::to_owned))
    }

    #[test]
    fn the_first_complete_stop_string_ends_the_text() {
        let table: [(&[&str], &str, &str, Option<&str>); 10] = [
            (&[], "abc", "abc", None),
            (&[""], "abc", "abc", None),
            (&["x"], "abc", "abc", None),
            (&["b"], "abcb", "a", Some("b")),
            (&["abc", "b"], "abc", "a", Some("b")),
            (&["bc", "abc"], "zabc", "z", Some("abc")),
            (&["aab"], "aaab", "a", Some("aab")),
            (&["<|im_end|>"], "so<|im_<|im_end|>more", "so<|im_", Some("<|im_end|>")),
            (&["\n\nUser:"], "one\n\nUse", "one\n\nUse", None),
            (&["停止"], "到这里停。停止吧", "到这里停。", Some("停止")),
        ];
        for (stops, text, expected, stop) in table {
            let expected = (expected.to_owned(), stop.map(str::to_owned));
            assert_eq!(shown(stops, &[text]), expected, "{text} at once");
            let letters: Vec<String> = text.chars().map(String::from).collect();
            let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
            assert_eq!(shown(stops, &letters), expected, "{text} letter by letter");
            for (cut, _) in text.char_indices() {
                assert_eq!(shown(stops, &[&text[..cut], &text[cut..]]), expected, "{text} cut at {cut}");
            }
        }
    }

    #[test]
    fn only_what_could_become_a_stop_string_is_held_back() {
        let mut strings = StopStrings::new(["<end>", "停止"]);
        let shown: Vec<_> = ["a<", "e", "x<en", "d", "停"].map(|piece| strings.push(piece)).into();
        assert_eq!(shown, ["a", "", "<ex", "", "<end"]);
        assert_eq!(strings.push("止 and more"), "");
        assert_eq!(strings.stopped(), Some("停止"));
        assert_eq!(strings.push("nothing after it"), "");
        assert_eq!(strings.finish(), "");
    }
}
