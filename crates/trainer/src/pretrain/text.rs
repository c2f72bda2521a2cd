//! What a model learns from a text: stretches of it, and conversations that are made of it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;
use std::collections::HashMap;

/// What stands between the documents of a text.
pub(super) const END: &str = "<|endoftext|>";
/// Words that occur in fewer paragraphs are names or slips, those in a larger share say nothing.
const RARE: usize = 3;
const COMMON: usize = 40;

/// A text's paragraphs in sentences, and how many paragraphs each of its words is in.
pub(super) struct Sentences<'t> {
    paragraphs: Vec<Vec<&'t str>>,
    spread: HashMap<String, usize>,
}

/// A conversation: the user speaks first, then both take turns.
pub(super) type Turns = Vec<String>;

impl<'t> Sentences<'t> {
    pub fn new(documents: &[&'t str]) -> Self {
        let lines = documents.iter().flat_map(|document| document.lines());
        let paragraphs: Vec<Vec<&str>> =
            lines.map(sentences).filter(|paragraph| paragraph.len() > 1).collect();
        let mut spread = HashMap::new();
        for paragraph in &paragraphs {
            let mut words: Vec<String> = words(&paragraph.join(" ")).collect();
            words.sort_unstable();
            words.dedup();
            for word in words {
                *spread.entry(word).or_default() += 1;
            }
        }
        Self { paragraphs, spread }
    }

    /// A conversation about a place in the text, drawn at random: going on from a sentence, perhaps twice; telling with
    /// given words; or saying a sentence again. `None` where the place has too little text.
    pub fn conversation(&self, random: &mut ChaCha8Rng) -> Option<Turns> {
        let paragraph = self.paragraphs.get(below(random, self.paragraphs.len()))?;
        let start = below(random, paragraph.len());
        let [first, rest @ ..] = paragraph.get(start..)? else { return None };
        match below(random, 10) {
            0..4 => go_on(first, rest, random),
            4..7 => self.with_words(paragraph.get(start..)?, random),
            _ => Some(vec![format!("Say again: {first}"), (*first).to_owned()]),
        }
    }

    /// "Tell of …" and some of the words that set the passage apart.
    fn with_words(&self, passage: &[&str], random: &mut ChaCha8Rng) -> Option<Turns> {
        let passage = passage.iter().take(1 + below(random, 4)).copied().collect::<Vec<_>>().join(" ");
        let mut telling: Vec<(usize, String)> = words(&passage)
            .filter_map(|word| Some((*self.spread.get(&word)?, word)))
            .filter(|(spread, _)| (RARE..=self.paragraphs.len() / COMMON).contains(spread))
            .collect();
        telling.sort_unstable();
        telling.dedup();
        let wanted = 1 + below(random, 3);
        telling.truncate(wanted);
        let words: Vec<String> = telling.into_iter().map(|(_, word)| word).collect();
        (words.len() == wanted).then(|| vec![format!("Tell of: {}", words.join(", ")), passage])
    }
}

fn go_on(first: &str, rest: &[&str], random: &mut ChaCha8Rng) -> Option<Turns> {
    let asked = if below(random, 2) == 0 { first.to_owned() } else { format!("Go on: {first}") };
    let (answer, more) = rest.split_at(rest.len().min(1 + below(random, 3)));
    let (second, _) = more.split_at(more.len().min(2));
    if answer.is_empty() {
        return None;
    }
    let mut turns = vec![asked, answer.join(" ")];
    if !second.is_empty() && below(random, 3) == 0 {
        turns.extend(["Go on.".to_owned(), second.join(" ")]);
    }
    Some(turns)
}

/// A paragraph's sentences: each ends with `.`, `!` or `?`, perhaps a quotation mark, before a space and a capital.
fn sentences(paragraph: &str) -> Vec<&str> {
    let ends = |before: &str, behind: &str| {
        let closed = before.trim_end_matches(['"', '\'']).ends_with(['.', '!', '?']);
        let opens = behind.trim_start().trim_start_matches(['"', '\'']).starts_with(char::is_uppercase);
        // A quotation that is open goes on.
        closed && opens && before.matches('"').count().is_multiple_of(2)
    };
    let (mut found, mut rest) = (Vec::new(), paragraph.trim());
    while !rest.is_empty() {
        let mut spaces = rest.match_indices(' ').map(|(at, _)| rest.split_at(at));
        let (sentence, behind) = spaces.find(|(before, behind)| ends(before, behind)).unwrap_or((rest, ""));
        found.push(sentence);
        rest = behind.trim_start();
    }
    found
}

/// The words of a text that are written small.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let letters = |word: &&str| word.len() > 2 && word.chars().all(char::is_lowercase);
    text.split(|c: char| !c.is_alphabetic()).filter(letters).map(str::to_owned)
}

/// A number below `end`; 0 where `end` is 0.
pub(super) fn below(random: &mut ChaCha8Rng, end: usize) -> usize {
    (random.next_u32() as usize).checked_rem(end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    const TEXT: &str = "The fox said, \"Wait! I will come.\" Then he went home. Was he glad? He was.\nEnd.";

    #[test]
    fn sentences_end_outside_of_quotations() {
        let expected =
            ["The fox said, \"Wait! I will come.\"", "Then he went home.", "Was he glad?", "He was."];
        assert_eq!(sentences(TEXT.lines().next().unwrap()), expected);
    }

    #[test]
    fn conversations_are_made_of_the_text() {
        let text = Sentences::new(&[TEXT]);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let found: Vec<Turns> = (0..200).filter_map(|_| text.conversation(&mut random)).collect();
        assert!(found.iter().any(|turns| turns.len() == 4), "some go on twice");
        for turns in &found {
            assert!(turns.iter().skip(1).step_by(2).all(|answer| TEXT.contains(answer)), "{turns:?}");
        }
        let again = |turns: &&Turns| turns[0].starts_with("Say again: ");
        let again: Vec<&Turns> = found.iter().filter(again).collect();
        assert!(!again.is_empty() && again.iter().all(|turns| turns[0].ends_with(&turns[1])));
    }
}
