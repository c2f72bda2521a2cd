//! A byte-level BPE tokenizer from text (Sennrich et al. 2015, arXiv 1508.07909; bytes as in GPT-2).

use std::collections::HashMap;

use super::bytelevel::spell;
use super::split::Split;
use crate::gguf::{Array, Metadata, Value};

const NORMAL: i32 = 1;
const CONTROL: i32 = 3;

/// A vocabulary that was learned: control tokens, the 256 bytes, and a token for each merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    /// Spellings, by id.
    pub tokens: Vec<String>,
    /// How many of them are control tokens; those come first.
    pub controls: usize,
    /// The ids that grow together, the most frequent first.
    pub merges: Vec<(u32, u32)>,
}

type Pair = (u32, u32);

/// Learns a vocabulary of `size` tokens, or as many as the text has use for: again and again the most frequent pair of
/// neighbours becomes a token, of equally frequent ones that of the lowest ids. Words are GPT-2's, and a pair must occur
/// twice.
///
/// Tokens and merges equal those of Hugging Face's `tokenizers` for the same text.
pub fn learn<'t>(texts: impl Iterator<Item = &'t str>, controls: &[&str], size: usize) -> Learned {
    let mut alphabet: Vec<char> = (0..=u8::MAX).map(spell).collect();
    alphabet.sort_unstable();
    let mut tokens: Vec<String> = controls.iter().map(|token| (*token).to_owned()).collect();
    tokens.extend(alphabet.iter().map(char::to_string));
    let id = |byte: u8| alphabet.binary_search(&spell(byte)).map_or(0, |at| (controls.len() + at) as u32);
    let mut ids: HashMap<String, u32> = tokens.iter().cloned().zip(0..).collect();
    let mut words = words(texts, id);
    let mut counts = HashMap::new();
    for word in &words {
        word.count(&mut counts, true);
    }
    let mut merges = Vec::new();
    while tokens.len() < size {
        let best = counts.iter().max_by_key(|(pair, count)| (**count, std::cmp::Reverse(**pair)));
        let Some((&pair, _)) = best.filter(|(_, count)| **count > 1) else { break };
        let [left, right] = [pair.0, pair.1].map(|id| tokens.get(id as usize).cloned().unwrap_or_default());
        // Another pair may have spelled it before.
        let new = *ids.entry(left + &right).or_insert_with_key(|token| {
            tokens.push(token.clone());
            tokens.len() as u32 - 1
        });
        merges.push(pair);
        for word in words.iter_mut().filter(|word| word.pairs().any(|found| found == pair)) {
            word.count(&mut counts, false);
            word.merge(pair, new);
            word.count(&mut counts, true);
        }
    }
    Learned { tokens, controls: controls.len(), merges }
}

/// A word of the text and how often it occurs.
struct Word {
    ids: Vec<u32>,
    times: u64,
}

fn words<'t>(texts: impl Iterator<Item = &'t str>, id: impl Fn(u8) -> u32) -> Vec<Word> {
    let mut times: HashMap<&str, u64> = HashMap::new();
    for text in texts {
        Split::Gpt2.words(text, &mut |word| *times.entry(word).or_default() += 1);
    }
    times.into_iter().map(|(word, times)| Word { ids: word.bytes().map(&id).collect(), times }).collect()
}

impl Word {
    fn pairs(&self) -> impl Iterator<Item = Pair> + '_ {
        self.ids.iter().copied().zip(self.ids.iter().copied().skip(1))
    }

    /// Adds the word's pairs to the counts, or takes them away.
    fn count(&self, counts: &mut HashMap<Pair, u64>, add: bool) {
        for pair in self.pairs() {
            let count = counts.entry(pair).or_default();
            *count = if add { *count + self.times } else { *count - self.times };
        }
    }

    fn merge(&mut self, pair: Pair, new: u32) {
        let mut merged: Vec<u32> = Vec::with_capacity(self.ids.len());
        let mut rest = self.ids.as_slice();
        while let [first, behind @ ..] = rest {
            match behind {
                [second, behind @ ..] if (*first, *second) == pair => {
                    merged.push(new);
                    rest = behind;
                }
                _ => {
                    merged.push(*first);
                    rest = behind;
                }
            }
        }
        self.ids = merged;
    }
}

impl Learned {
    /// Sets the keys that [`super::Tokenizer::from_gguf`] and llama.cpp read; no token is put before or behind a text.
    ///
    /// `end_of_text` and `end_of_turn` are ids of control tokens.
    pub fn write(&self, metadata: &mut Metadata, end_of_text: u32, end_of_turn: u32) {
        let kind = |id| if id < self.controls { CONTROL } else { NORMAL };
        let token = |id: u32| self.tokens.get(id as usize).map_or("", String::as_str);
        let merge = |(left, right): &Pair| format!("{} {}", token(*left), token(*right));
        let types = (0..self.tokens.len()).map(kind).collect();
        let values = [
            ("model", Value::String("gpt2".into())),
            ("pre", Value::String("gpt-2".into())),
            ("tokens", Value::Array(Array::String(self.tokens.iter().collect()))),
            ("token_type", Value::Array(Array::I32(types))),
            ("merges", Value::Array(Array::String(self.merges.iter().map(merge).collect()))),
            ("bos_token_id", Value::U32(end_of_text)),
            ("eos_token_id", Value::U32(end_of_turn)),
            ("padding_token_id", Value::U32(end_of_text)),
            ("add_bos_token", Value::Bool(false)),
        ];
        for (key, value) in values {
            metadata.set(format!("tokenizer.ggml.{key}"), value);
        }
    }
}
