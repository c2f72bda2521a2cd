//! Finds the longest of many strings at a place in a text.

/// A string's bytes and its id.
type Entry = (Box<[u8]>, u32);

/// A set of strings with ids, sorted: a start of a text narrows it to a range, byte by byte.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    tokens: Vec<Entry>,
    /// Where the strings that start with each byte begin; one more entry at the end.
    starts: Vec<u32>,
    /// Bytes that a string starts with, and bytes that come second in one; all of them where one has no second.
    heads: [Vec<bool>; 2],
    longest: usize,
}

impl Finder {
    /// Of strings that occur twice the last one counts; empty ones are never found.
    pub(crate) fn new(tokens: impl Iterator<Item = (Vec<u8>, u32)>) -> Self {
        let mut tokens: Vec<Entry> =
            tokens.filter(|(text, _)| !text.is_empty()).map(|(text, id)| (text.into(), id)).collect();
        tokens.sort_by(|a, b| a.0.cmp(&b.0));
        tokens.dedup_by(|later, kept| {
            let twice = later.0 == kept.0;
            if twice {
                kept.1 = later.1;
            }
            twice
        });
        let before =
            |byte: u16| tokens.partition_point(|(text, _)| text.first().copied().map(u16::from) < Some(byte));
        let starts: Vec<u32> = (0..=256).map(|byte| before(byte) as u32).collect();
        let short = tokens.iter().any(|(text, _)| text.len() == 1);
        let mut heads = [vec![false; 256], vec![short; 256]];
        for (text, _) in &tokens {
            for (head, byte) in heads.iter_mut().zip(text) {
                head.get_mut(usize::from(*byte)).into_iter().for_each(|head| *head = true);
            }
        }
        let longest = tokens.iter().map(|(text, _)| text.len()).max().unwrap_or_default();
        Self { tokens, starts, heads, longest }
    }

    /// The length of the longest string.
    pub(crate) fn longest_len(&self) -> usize {
        self.longest
    }

    /// The strings that start with this byte.
    fn starting(&self, byte: u8) -> &[Entry] {
        let bound = |at: usize| self.starts.get(at).map_or(0, |start| *start as usize);
        self.tokens.get(bound(byte.into())..bound(usize::from(byte) + 1)).unwrap_or_default()
    }

    /// The strings that `bytes` is a start of, or those that the walk ended at, and the longest that `bytes` starts with.
    fn walk(&self, bytes: &[u8]) -> (&[Entry], Option<(usize, u32)>) {
        let mut range = bytes.first().map_or(&[][..], |byte| self.starting(*byte));
        let mut found = None;
        for depth in 1.. {
            // The first of the range is the only one that can end here.
            if let Some(((text, id), rest)) = range.split_first().filter(|((text, _), _)| text.len() == depth)
            {
                found = Some((text.len(), *id));
                range = rest;
            }
            let Some(byte) = bytes.get(depth).filter(|_| !range.is_empty()) else { break };
            let at = |token: &Entry| token.0.get(depth).copied();
            // Sorted: where the first and the last agree, all do.
            let ends = [range.first(), range.last()].map(|token| token.and_then(at));
            if ends != [Some(*byte); 2] {
                let from = range.partition_point(|token| at(token) < Some(*byte));
                range = range.get(from..).unwrap_or_default();
                let to = range.partition_point(|token| at(token) == Some(*byte));
                range = range.get(..to).unwrap_or_default();
            }
            if let [(text, id)] = range {
                // One is left: compare what remains at once.
                if bytes.starts_with(text) {
                    found = Some((text.len(), *id));
                }
                let part = text.len() > bytes.len() && text.starts_with(bytes);
                return (if part { range } else { &[] }, found);
            }
        }
        (range, found)
    }

    /// Length and id of the longest string that `bytes` starts with.
    pub(crate) fn longest(&self, bytes: &[u8]) -> Option<(usize, u32)> {
        self.walk(bytes).1
    }

    /// Whether a string starts with `bytes` and goes on.
    pub(crate) fn begins(&self, bytes: &[u8]) -> bool {
        bytes.len() < self.longest && !self.walk(bytes).0.is_empty()
    }

    /// The first match in `text` at or after `from`: its start, length and id.
    pub(crate) fn find(&self, text: &str, from: usize) -> Option<(usize, usize, u32)> {
        let bytes = text.as_bytes();
        let may = |head: &[bool], byte: u8| head.get(usize::from(byte)) == Some(&true);
        let [first, second] = &self.heads;
        let mut at = from;
        if self.tokens.is_empty() {
            return None;
        }
        loop {
            at += bytes.get(at..)?.iter().position(|byte| may(first, *byte))?;
            if bytes.get(at + 1).is_some_and(|byte| !may(second, *byte)) {
                at += 1;
                continue;
            }
            if let Some((len, id)) = bytes.get(at..).and_then(|rest| self.longest(rest)) {
                return Some((at, len, id));
            }
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Finder;

    fn finder() -> Finder {
        let tokens = ["ab", "abcd", "abx", "b", "zzzz"];
        Finder::new(tokens.iter().zip(0..).map(|(text, id)| (text.as_bytes().to_vec(), id)))
    }

    #[test]
    fn the_longest_is_found_at_the_first_place() {
        assert_eq!(finder().find("xxabcz", 0), Some((2, 2, 0)));
        assert_eq!(finder().find("xxabcdz", 0), Some((2, 4, 1)));
        assert_eq!(finder().find("xxabcdz", 3), Some((3, 1, 3)));
        assert_eq!(finder().find("zzz", 0), None);
        assert_eq!(finder().longest(b"zzzzz"), Some((4, 4)));
    }

    #[test]
    fn starts_are_known_as_such() {
        for (start, want) in [
            ("a", true),
            ("ab", true),
            ("abc", true),
            ("abcd", false),
            ("zz", true),
            ("abq", false),
            ("q", false),
        ] {
            assert_eq!(finder().begins(start.as_bytes()), want, "{start}");
        }
    }
}
