//! What a run would take. Pure: what was asked and what came back.

use smolder_protocol::TrainConfig;
use smolder_protocol::train::{Failure, Plan};

/// What is known of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Estimate {
    /// Nobody asked.
    #[default]
    Nothing,
    Asking,
    Known(Plan),
    Failed(Failure),
}

/// The last question and its answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Estimating {
    estimate: Estimate,
    id: u64,
    asked: TrainConfig,
}

impl Estimating {
    /// A new question's id.
    pub(crate) fn ask(&mut self, config: &TrainConfig) -> u64 {
        self.id += 1;
        (self.asked, self.estimate) = (config.clone(), Estimate::Asking);
        self.id
    }

    /// Takes in an answer, unless something else was asked meanwhile; the model that the trainer holds now.
    pub(crate) fn hear(&mut self, id: u64, plan: Result<Plan, Failure>) -> Option<String> {
        let model = plan.is_ok().then(|| self.asked.model.clone());
        if id != self.id {
            return None;
        }
        self.estimate = plan.map_or_else(Estimate::Failed, Estimate::Known);
        model
    }

    /// What is known of a run with these settings: an answer for others says nothing of it.
    pub(crate) fn of(&self, config: &TrainConfig) -> Estimate {
        if self.asked == *config { self.estimate.clone() } else { Estimate::Nothing }
    }

    /// Whether an answer is still to come, for whatever settings.
    pub(crate) fn is_asking(&self) -> bool {
        self.estimate == Estimate::Asking
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_for_the_settings_that_were_asked_about() {
        let (mut estimating, mut config) = (Estimating::default(), TrainConfig::default());
        assert_eq!(estimating.of(&config), Estimate::Nothing);
        config.model = "m.gguf".to_owned();
        let id = estimating.ask(&config);
        assert_eq!((estimating.of(&config), estimating.is_asking()), (Estimate::Asking, true));
        let changed = TrainConfig { seed: 7, ..config.clone() };
        assert_eq!(estimating.of(&changed), Estimate::Nothing);
        assert_eq!(estimating.hear(id, Err(Failure::NothingToLearn)), None);
        assert_eq!(estimating.of(&config), Estimate::Failed(Failure::NothingToLearn));
        assert!(!estimating.is_asking());
    }

    #[test]
    fn a_late_answer_changes_nothing() {
        let (mut estimating, config) = (Estimating::default(), TrainConfig::default());
        let old = estimating.ask(&config);
        estimating.ask(&config);
        assert_eq!(estimating.hear(old, Err(Failure::NothingToLearn)), None);
        assert!(estimating.is_asking());
    }
}
