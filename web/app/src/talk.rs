//! A conversation with the loaded model. Pure: events in, a new state out.

use smolder_protocol::model::{Failure, Generate, Message, Prompt, Sampling, Task, Written};
use smolder_protocol::{Event, ModelEvent};

/// What the Try screen shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Talk {
    /// Turns in their order, a person's and the model's by turns.
    pub(crate) turns: Vec<Turn>,
    /// The answer that is being written.
    pub(crate) writing: Option<u64>,
    /// Tokens of the prompt: read, and in all.
    pub(crate) read: Option<(usize, usize)>,
    /// How the last answer went.
    pub(crate) written: Option<Written>,
    /// Why there is none.
    pub(crate) trouble: Option<Failure>,
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) speaker: Speaker,
    pub(crate) text: String,
}

/// Who said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    Person,
    Model,
}

impl Speaker {
    /// What chat templates call it.
    fn role(self) -> &'static str {
        match self {
            Self::Person => "user",
            Self::Model => "assistant",
        }
    }
}

impl Talk {
    /// A person says something: what to ask the model for.
    pub(crate) fn ask(&mut self, id: u64, text: &str, sampling: Sampling, max_tokens: usize) -> Generate {
        // What came to no answer is not part of the conversation.
        if self.trouble.is_some() || self.turns.last().is_some_and(|answer| answer.text.is_empty()) {
            self.turns.truncate(self.turns.len().saturating_sub(2));
        }
        self.turns.push(Turn { speaker: Speaker::Person, text: text.to_owned() });
        let message =
            |turn: &Turn| Message { role: turn.speaker.role().to_owned(), content: turn.text.clone() };
        let prompt = Prompt::Chat(self.turns.iter().map(message).collect());
        self.turns.push(Turn { speaker: Speaker::Model, text: String::new() });
        (self.writing, self.read, self.written, self.trouble) = (Some(id), None, None, None);
        Generate { id, prompt, sampling, max_tokens, ..Generate::default() }
    }

    /// What the worker says of the answer that is being written; all else is not meant.
    pub(crate) fn hear(&mut self, event: &Event) {
        match event {
            Event::Model(ModelEvent::Read { id, done, total }) if self.writing == Some(*id) => {
                self.read = Some((*done, *total));
            }
            Event::Model(ModelEvent::Wrote { id, text }) if self.writing == Some(*id) => {
                self.read = None;
                if let Some(answer) = self.turns.last_mut() {
                    answer.text += text;
                }
            }
            Event::Model(ModelEvent::Written(written)) if self.writing == Some(written.id) => {
                (self.writing, self.read, self.written) = (None, None, Some(written.clone()));
            }
            Event::Model(ModelEvent::Refused { task: Task::Generate(id), failure, .. })
                if self.writing == Some(*id) =>
            {
                (self.writing, self.read, self.trouble) = (None, None, Some(failure.clone()));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smolder_protocol::model::End;

    fn wrote(id: u64, text: &str) -> Event {
        Event::Model(ModelEvent::Wrote { id, text: text.to_owned() })
    }

    fn written(id: u64) -> Written {
        let (end, prompt_tokens, tokens) = (End::Model, 5, 2);
        Written { id, end, prompt_tokens, tokens, first_token_secs: 0.5, decode_secs: 0.25 }
    }

    fn said(asked: &Generate) -> Vec<(String, String)> {
        match &asked.prompt {
            Prompt::Chat(turns) => {
                turns.iter().map(|turn| (turn.role.clone(), turn.content.clone())).collect()
            }
            Prompt::Text(text) => panic!("{text}"),
        }
    }

    fn ask(talk: &mut Talk, id: u64, text: &str) -> Vec<(String, String)> {
        said(&talk.ask(id, text, Sampling::default(), 9))
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(role, text)| ((*role).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn an_answer_is_streamed_and_becomes_part_of_the_next_question() {
        let mut talk = Talk::default();
        assert_eq!(ask(&mut talk, 1, "Hello"), pairs(&[("user", "Hello")]));
        for event in [wrote(1, "Good "), wrote(7, "no"), wrote(1, "day")] {
            talk.hear(&event);
        }
        assert_eq!((talk.turns[1].text.as_str(), talk.writing), ("Good day", Some(1)));
        talk.hear(&Event::Model(ModelEvent::Written(written(1))));
        assert_eq!((talk.writing, talk.written.clone()), (None, Some(written(1))));
        let expected = pairs(&[("user", "Hello"), ("assistant", "Good day"), ("user", "And now?")]);
        assert_eq!(ask(&mut talk, 2, "And now?"), expected);
    }

    #[test]
    fn a_question_without_an_answer_is_forgotten() {
        let mut talk = Talk::default();
        ask(&mut talk, 1, "First");
        talk.hear(&wrote(1, "Yes"));
        talk.hear(&Event::Model(ModelEvent::Written(written(1))));
        ask(&mut talk, 2, "Second");
        let (failure, still_loaded) = (Failure::OutOfMemory, true);
        let refused = ModelEvent::Refused { task: Task::Generate(2), failure, still_loaded };
        talk.hear(&Event::Model(refused));
        assert_eq!(talk.trouble, Some(Failure::OutOfMemory));
        assert_eq!(
            ask(&mut talk, 3, "Third"),
            pairs(&[("user", "First"), ("assistant", "Yes"), ("user", "Third")])
        );
    }
}
