//! Where the conversation with the worker stands. Pure: messages in, a new state out.

use crate::text::Phrases;
use smolder_protocol::{Check, Event, Problem, Stage};

/// Something that the worker's side told the page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Message {
    /// The trainer's program is on its way.
    Loading(Loading),
    /// The trainer speaks.
    Said(Event),
    /// No more will come.
    Failed(Failure),
}

/// How much of the trainer's program has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loading {
    pub(crate) loaded_bytes: u64,
    /// `None` where the server compresses and so does not say.
    pub(crate) total_bytes: Option<u64>,
}

/// Why the conversation ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// This browser has no module workers.
    NoWorkers,
    NotLoaded(String),
    Crashed(String),
    Silent {
        step: Step,
        waited_secs: f64,
    },
    OtherBuild {
        ours: String,
        theirs: String,
    },
    /// The GPU failed before the check was done.
    Gpu(Problem),
}

impl Failure {
    /// The platform's words, where there are any.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::NotLoaded(reason) | Self::Crashed(reason) => reason,
            _ => "",
        }
    }
}

/// The steps of a check as a person sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Worker,
    Adapter,
    SelfTest,
    Storage,
}

impl Step {
    pub(crate) const ALL: [Self; 4] = [Self::Worker, Self::Adapter, Self::SelfTest, Self::Storage];

    pub(crate) fn phrase(self, t: &Phrases) -> &'static str {
        match self {
            Self::Worker => t.step_worker,
            Self::Adapter => t.step_adapter,
            Self::SelfTest => t.step_self_test,
            Self::Storage => t.step_storage,
        }
    }

    /// How long the worker may be silent before the page calls it stuck. The self test compiles shaders,
    /// which slow drivers and software renderers take long over.
    pub(crate) fn patience_secs(self) -> f64 {
        match self {
            Self::Worker | Self::Adapter => 30.0,
            Self::SelfTest => 120.0,
            Self::Storage => 15.0,
        }
    }
}

impl From<Stage> for Step {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Adapter => Self::Adapter,
            Stage::SelfTest => Self::SelfTest,
            Stage::Storage => Self::Storage,
        }
    }
}

/// What the Check screen shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    Checking { step: Step, loading: Option<Loading> },
    Checked(Check),
    Stopped(Failure),
}

impl State {
    pub(crate) const START: Self = Self::Checking { step: Step::Worker, loading: None };

    /// The state after `message`, for a page of the build `ours`.
    #[must_use]
    pub(crate) fn after(self, message: Message, ours: &str) -> Self {
        match (self, message) {
            (Self::Stopped(failure), _) | (_, Message::Failed(failure)) => Self::Stopped(failure),
            (Self::Checking { .. }, Message::Loading(loading)) => {
                Self::Checking { step: Step::Worker, loading: Some(loading) }
            }
            (checked, Message::Loading(_)) => checked,
            (state, Message::Said(event)) => state.after_event(event, ours),
        }
    }

    fn after_event(self, event: Event, ours: &str) -> Self {
        match event {
            Event::Ready { build } if build != ours => {
                Self::Stopped(Failure::OtherBuild { ours: ours.to_owned(), theirs: build })
            }
            Event::Ready { .. } => Self::Checking { step: Step::Adapter, loading: None },
            Event::Progress(stage) => Self::Checking { step: stage.into(), loading: None },
            Event::Checked(check) => Self::Checked(gravest_first(check)),
            Event::Failed(problem) => self.after_gpu_failure(problem),
            // The other screens' own.
            Event::Methods(_)
            | Event::Storage(_)
            | Event::Data(_)
            | Event::Model(_)
            | Event::Train(_)
            | Event::Estimated { .. } => self,
        }
    }

    /// A GPU lost after the check joins the report; one lost before leaves nothing to report.
    fn after_gpu_failure(self, problem: Problem) -> Self {
        match self {
            Self::Checked(mut check) => {
                check.problems.push(problem);
                Self::Checked(gravest_first(check))
            }
            _ => Self::Stopped(Failure::Gpu(problem)),
        }
    }

    /// The failure to report when the worker has said nothing for `waited_secs`, if that is too long.
    pub(crate) fn overdue(&self, waited_secs: f64) -> Option<Failure> {
        match *self {
            Self::Checking { step, .. } if waited_secs > step.patience_secs() => {
                Some(Failure::Silent { step, waited_secs })
            }
            _ => None,
        }
    }
}

fn gravest_first(mut check: Check) -> Check {
    check.problems.sort_by_key(Problem::severity);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(event: Event) -> Message {
        Message::Said(event)
    }

    fn ready(build: &str) -> Message {
        said(Event::Ready { build: build.to_owned() })
    }

    fn state_after(messages: impl IntoIterator<Item = Message>) -> State {
        messages.into_iter().fold(State::START, |state, message| state.after(message, "1"))
    }

    #[test]
    fn a_check_goes_step_by_step_to_its_result() {
        let loading = Loading { loaded_bytes: 1, total_bytes: Some(2) };
        let loaded = state_after([Message::Loading(loading)]);
        assert_eq!(loaded, State::Checking { step: Step::Worker, loading: Some(loading) });
        let testing = loaded.after(ready("1"), "1").after(said(Event::Progress(Stage::SelfTest)), "1");
        assert_eq!(testing, State::Checking { step: Step::SelfTest, loading: None });
        let checked = testing.after(said(Event::Checked(Check::default())), "1");
        assert_eq!(checked, State::Checked(Check::default()));
    }

    #[test]
    fn another_build_ends_the_conversation() {
        let failure = Failure::OtherBuild { ours: "1".to_owned(), theirs: "2".to_owned() };
        assert_eq!(state_after([ready("2")]), State::Stopped(failure));
    }

    #[test]
    fn the_first_failure_stays() {
        let first = Failure::Crashed("first".to_owned());
        let second = Failure::NotLoaded("second".to_owned());
        let state = state_after([Message::Failed(first.clone()), Message::Failed(second), ready("1")]);
        assert_eq!(state, State::Stopped(first));
    }

    #[test]
    fn problems_are_shown_gravest_first() {
        let problems = vec![Problem::NoF16, Problem::SoftwareAdapter, Problem::NoAdapter];
        let state = state_after([said(Event::Checked(Check { problems, ..Check::default() }))]);
        let State::Checked(check) = state else { panic!("{state:?}") };
        assert_eq!(check.problems, [Problem::NoAdapter, Problem::SoftwareAdapter, Problem::NoF16]);
    }

    #[test]
    fn a_gpu_lost_after_the_check_joins_the_report_and_before_it_ends_the_check() {
        let lost = Problem::DeviceLost { reason: "reset".to_owned() };
        let after = state_after([said(Event::Checked(Check::default())), said(Event::Failed(lost.clone()))]);
        let problems = vec![lost.clone()];
        assert_eq!(after, State::Checked(Check { problems, ..Check::default() }));
        let before = state_after([ready("1"), said(Event::Failed(lost.clone()))]);
        assert_eq!(before, State::Stopped(Failure::Gpu(lost)));
    }

    #[test]
    fn only_a_running_check_is_ever_overdue() {
        let limit = Step::Worker.patience_secs();
        assert_eq!(State::START.overdue(limit), None);
        let failure = Failure::Silent { step: Step::Worker, waited_secs: limit + 1.0 };
        assert_eq!(State::START.overdue(limit + 1.0), Some(failure));
        assert_eq!(State::Checked(Check::default()).overdue(1e9), None);
    }
}
