//! The same prompt to base and tuned model. Pure: events in, a new state out.

use smolder_protocol::model::{Failure, Generate, ModelEvent, Prompt, Sampling, Task, Written};

/// Whose answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Base,
    Tuned,
}

/// How far an answer is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Progress {
    /// Nothing was asked.
    #[default]
    Idle,
    /// The other one comes first.
    Queued,
    /// The prompt is being read.
    Reading,
    Writing,
    Done(Written),
    Failed(Failure),
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) progress: Progress,
}

/// What is asked of both.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Question {
    pub(crate) prompt: Prompt,
    pub(crate) sampling: Sampling,
    pub(crate) max_tokens: usize,
    /// The adapter's name.
    pub(crate) adapter: String,
    /// How much of its change is made, as a share; none for all of it.
    pub(crate) strength: Option<f32>,
}

/// Both answers. The base goes first; one device answers one at a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answers {
    pub(crate) base: Answer,
    pub(crate) tuned: Answer,
    question: Option<Question>,
    /// Even ones are the base's.
    last_id: u64,
}

impl Answers {
    /// Begins anew; the command for the base.
    pub(crate) fn ask(&mut self, question: Question) -> Generate {
        self.last_id += 2;
        self.base = Answer { progress: Progress::Reading, ..Answer::default() };
        self.tuned = Answer { progress: Progress::Queued, ..Answer::default() };
        let command = command(self.last_id, &question, Side::Base);
        self.question = Some(question);
        command
    }

    /// Whether somebody still writes.
    pub(crate) fn busy(&self) -> bool {
        [&self.base, &self.tuned]
            .iter()
            .any(|answer| matches!(answer.progress, Progress::Queued | Progress::Reading | Progress::Writing))
    }

    /// The person wants no more: what has not begun will not.
    pub(crate) fn stop(&mut self) {
        if self.tuned.progress == Progress::Queued {
            self.tuned.progress = Progress::Idle;
        }
    }

    /// Whether both said the same, which is worth a word.
    pub(crate) fn same(&self) -> bool {
        let done = |answer: &Answer| matches!(answer.progress, Progress::Done(_));
        done(&self.base) && done(&self.tuned) && self.base.text == self.tuned.text
    }

    /// Takes in what the trainer says; the command for the tuned model, where it is its turn.
    pub(crate) fn hear(&mut self, event: &ModelEvent) -> Option<Generate> {
        match event {
            ModelEvent::Wrote { id, text } => {
                let answer = self.answer(*id)?;
                answer.text.push_str(text);
                answer.progress = Progress::Writing;
                None
            }
            ModelEvent::Written(written) => {
                self.answer(written.id)?.progress = Progress::Done(written.clone());
                self.next(written.id)
            }
            ModelEvent::Refused { task: Task::Generate(id), failure, .. } => {
                self.answer(*id)?.progress = Progress::Failed(failure.clone());
                self.tuned.progress = match std::mem::take(&mut self.tuned.progress) {
                    Progress::Queued => Progress::Idle,
                    other => other,
                };
                None
            }
            _ => None,
        }
    }

    fn next(&mut self, id: u64) -> Option<Generate> {
        if id != self.last_id || self.tuned.progress != Progress::Queued {
            return None;
        }
        self.tuned.progress = Progress::Reading;
        self.question.as_ref().map(|question| command(self.last_id + 1, question, Side::Tuned))
    }

    /// Whose answer `id` is; none where it belongs to an earlier question.
    fn answer(&mut self, id: u64) -> Option<&mut Answer> {
        match id.checked_sub(self.last_id)? {
            0 => Some(&mut self.base),
            1 => Some(&mut self.tuned),
            _ => None,
        }
    }
}

fn command(base_id: u64, question: &Question, side: Side) -> Generate {
    let Question { prompt, sampling, max_tokens, adapter, strength } = question.clone();
    let (id, adapter, strength) = match side {
        Side::Base => (base_id, None, None),
        Side::Tuned => (base_id, Some(adapter), strength),
    };
    Generate { id, prompt, adapter, strength, sampling, max_tokens, stops: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smolder_protocol::model::End;

    fn question() -> Question {
        Question {
            prompt: Prompt::Text("Once".to_owned()),
            sampling: Sampling { seed: 3, ..Sampling::default() },
            max_tokens: 8,
            adapter: "mine".to_owned(),
            strength: Some(0.5),
        }
    }

    fn written(id: u64) -> ModelEvent {
        let end = End::Model;
        let (first_token_secs, decode_secs) = (0.1, 0.2);
        ModelEvent::Written(Written { id, end, prompt_tokens: 1, tokens: 2, first_token_secs, decode_secs })
    }

    fn wrote(id: u64, text: &str) -> ModelEvent {
        ModelEvent::Wrote { id, text: text.to_owned() }
    }

    #[test]
    fn base_then_tuned_with_the_same_dice() {
        let mut answers = Answers::default();
        let base = answers.ask(question());
        assert_eq!(base.strength, None);
        assert_eq!((&base.adapter, answers.hear(&wrote(base.id, " upon"))), (&None, None));
        let tuned = answers.hear(&written(base.id)).unwrap();
        assert_eq!((tuned.adapter.as_deref(), tuned.strength), (Some("mine"), Some(0.5)));
        assert_eq!((&tuned.prompt, &tuned.sampling), (&base.prompt, &base.sampling));
        answers.hear(&wrote(tuned.id, " a"));
        answers.hear(&wrote(tuned.id, " time"));
        assert!(answers.busy());
        assert_eq!(answers.hear(&written(tuned.id)), None);
        assert!(!answers.busy() && !answers.same());
        assert_eq!((&*answers.base.text, &*answers.tuned.text), (" upon", " a time"));
    }

    #[test]
    fn what_belongs_to_an_earlier_question_is_not_shown() {
        let mut answers = Answers::default();
        let old = answers.ask(question());
        let new = answers.ask(question());
        answers.hear(&wrote(old.id, "old"));
        assert_eq!(answers.hear(&written(old.id + 1)), None);
        answers.hear(&wrote(new.id, "new"));
        assert_eq!((&*answers.base.text, &*answers.tuned.text), ("new", ""));
    }

    #[test]
    fn a_stop_or_a_refusal_leaves_the_other_side_alone() {
        let mut answers = Answers::default();
        let base = answers.ask(question());
        answers.stop();
        assert_eq!(answers.hear(&written(base.id)), None);
        assert!(!answers.busy());
        let base = answers.ask(question());
        let task = Task::Generate(base.id);
        answers.hear(&ModelEvent::Refused { task, failure: Failure::OutOfMemory, still_loaded: true });
        assert_eq!(answers.base.progress, Progress::Failed(Failure::OutOfMemory));
        assert!(!answers.busy());
    }
}
