//! Answering examples, and counting which answers are right.

use crate::engine::Engine;
use crate::interrupt::Stopped;
use crate::progress::percent;
use anyhow::Result;
use smolder_models::generate::{Generator, Settings};
use smolder_trainer::data::{Data, Sequence};

/// Questions that are answered at once.
const AT_ONCE: usize = 8;
/// What stands before the answer behind a solution, in GSM8K and its like.
const FINAL: &str = "####";

/// How many answers are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    pub right: usize,
    pub asked: usize,
}

/// Answers the first `count` examples, always with the likeliest token. An answer is right where it is the example's to the
/// letter, white space around it aside; in one with a `####`, only what stands behind the last of these counts.
pub fn score(engine: &Engine, data: &Data, count: usize) -> Result<Score> {
    let questions: Vec<_> = data.documents().flatten().filter_map(question).take(count).collect();
    let mut show = percent("answering");
    let mut right = 0;
    for (at, some) in questions.chunks(AT_ONCE).enumerate() {
        show((at * AT_ONCE) as u64, questions.len() as u64);
        right += right_ones(engine, some)?;
    }
    Ok(Score { right, asked: questions.len() })
}

/// What comes before the first learned token, and the learned tokens from there on. A text without a beginning that is
/// given asks nothing.
fn question(example: &Sequence) -> Option<(Vec<u32>, &[u32])> {
    let start = example.mask.iter().position(|learned| *learned).filter(|start| *start > 1)?;
    let learned = example.mask[start..].iter().take_while(|learned| **learned).count();
    Some((example.ids[..start].to_vec(), &example.ids[start..start + learned]))
}

fn right_ones(engine: &Engine, questions: &[(Vec<u32>, &[u32])]) -> Result<usize> {
    let (prompts, answers): (Vec<_>, Vec<_>) = questions.iter().cloned().unzip();
    let longest = answers.iter().map(|answer| answer.len()).max().unwrap_or_default();
    let settings = Settings { max_tokens: 2 * longest, ends: engine.ends.clone(), ..Settings::default() };
    let written = engine.attempt(|| {
        let (model, adapter) = (&engine.model, engine.adapter.as_ref());
        let mut generator = Generator::fitting(model, adapter, &prompts, settings.max_tokens)?;
        let mut watch = |_: smolder_models::generate::Event<'_>| engine.interrupt.flow();
        Ok(pollster::block_on(generator.run(&prompts, &engine.tokenizer, &settings, &mut watch))?)
    })?;
    if engine.interrupt.flow().is_break() {
        return Err(Stopped.into());
    }
    let text = |ids: &[u32]| engine.tokenizer.decode(ids, true);
    let pairs = written.iter().zip(answers);
    Ok(pairs.filter(|(found, expected)| is_right(&text(&found.ids), &text(expected))).count())
}

fn is_right(found: &str, expected: &str) -> bool {
    match (found.rsplit_once(FINAL), expected.rsplit_once(FINAL)) {
        (Some((_, found)), Some((_, expected))) => found.trim() == expected.trim(),
        (None, Some(_)) => false,
        (_, None) => found.trim() == expected.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_to_the_letter_or_from_its_end() {
        let right =
            [(" joy\n", "joy"), ("6 + 1 = 7\n#### 7 ", "She has\n#### 7"), ("#### 1", "#### 9\n#### 1")];
        assert!(right.iter().all(|(found, expected)| is_right(found, expected)));
        let wrong = [("Joy", "joy"), ("7", "#### 7"), ("#### 8", "#### 7"), ("#### joy", "joy"), ("", "joy")];
        assert!(!wrong.iter().any(|(found, expected)| is_right(found, expected)));
    }

    #[test]
    fn a_question_is_what_comes_before_the_first_answer() {
        let example = |mask: &[u8]| Sequence {
            ids: (0..mask.len() as u32).collect(),
            mask: mask.iter().map(|one| *one == 1).collect(),
        };
        let two_turns = example(&[0, 0, 1, 1, 0, 0, 1]);
        assert_eq!(question(&two_turns), Some((vec![0, 1], &[2, 3][..])));
        assert_eq!(question(&example(&[0, 1, 1])), None, "a text");
        assert_eq!(question(&example(&[0, 0, 0])), None);
    }
}
