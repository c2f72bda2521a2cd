//! Settings that cannot train anything, named before anything is loaded.

use super::{ScheduleKind, TrainConfig};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A setting outside its range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalid {
    /// The field of [`TrainConfig`].
    pub setting: String,
    /// Its range.
    pub expected: String,
    /// Its value.
    pub found: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.setting, self.expected, self.found)
    }
}

impl std::error::Error for Invalid {}

/// Whole numbers above this change their value in a browser and in TOML.
const LARGEST_SEED: u64 = (1 << 53) - 1;

impl TrainConfig {
    /// Everything that is wrong with the settings; nothing where training may start.
    ///
    /// A method's own options are the method's to check.
    pub fn problems(&self) -> Vec<Invalid> {
        let mut found = Problems(Vec::new());
        self.check_names(&mut found);
        self.check_optimizer(&mut found);
        self.check_schedule(&mut found);
        self.check_batches(&mut found);
        self.check_evaluation(&mut found);
        self.check_output(&mut found);
        found.0
    }

    fn check_names(&self, found: &mut Problems) {
        let names = [
            ("model", &self.model, "a GGUF file or a model's name"),
            ("data", &self.data, "a file"),
            ("out", &self.out, "a folder"),
            ("method", &self.method, "a method's name"),
        ];
        for (setting, name, expected) in names {
            found.unless(!name.is_empty(), setting, expected, "nothing");
        }
        for (name, value) in &self.options {
            found.unless(!value.is_null(), &format!("options.{name}"), "a value", "null");
        }
    }

    fn check_optimizer(&self, found: &mut Problems) {
        let lr = self.lr.unwrap_or(1e-3);
        found.unless(lr > 0.0 && lr <= 1.0, "lr", "more than 0 and at most 1", lr);
        found.range("weight_decay", self.weight_decay, 0.0, 10.0);
        for beta in self.betas {
            found.unless((0.0..1.0).contains(&beta), "betas", "0 or more and less than 1", beta);
        }
        found.unless(self.eps > 0.0 && self.eps <= 1.0, "eps", "more than 0 and at most 1", self.eps);
        found.range("clip", self.clip, 0.0, 1e6);
    }

    fn check_schedule(&self, found: &mut Problems) {
        found.range("warmup_ratio", self.warmup_ratio, 0.0, 1.0);
        found.range("decay_ratio", self.decay_ratio, 0.0, 1.0);
        found.range("final_share", self.final_share, 0.0, 1.0);
        found.one_of("warmup_steps", self.warmup_steps > 0, "warmup_ratio", self.warmup_ratio > 0.0);
        let (warmup, decay) = (self.warmup_ratio, self.decay_ratio);
        let fits = self.schedule != ScheduleKind::Wsd || warmup + decay <= 1.0;
        let expected = "at most 1 together with warmup_ratio";
        found.unless(fits, "decay_ratio", expected, format!("{decay} and {warmup}"));
        found.at_least_one("steps", self.steps.unwrap_or(1));
        let epochs = self.epochs.unwrap_or(1.0);
        found.unless(epochs > 0.0 && epochs <= 1e6, "epochs", "more than 0 and at most 1000000", epochs);
        found.one_of("steps", self.steps.is_some(), "epochs", self.epochs.is_some());
    }

    fn check_batches(&self, found: &mut Problems) {
        found.at_least_one("batch_size", self.batch_size.unwrap_or(1).into());
        found.at_least_one("batch_tokens", self.batch_tokens.unwrap_or(1).into());
        found.one_of("batch_size", self.batch_size.is_some(), "batch_tokens", self.batch_tokens.is_some());
        found.at_least_one("grad_accum", self.grad_accum.into());
        let expected = "2 or more: one token to read and one to learn";
        found.unless(self.seq_len >= 2, "seq_len", expected, self.seq_len);
        found.unless(self.seed <= LARGEST_SEED, "seed", &format!("at most {LARGEST_SEED}"), self.seed);
    }

    fn check_evaluation(&self, found: &mut Problems) {
        let share = self.eval_split.unwrap_or(0.1);
        found.unless(share > 0.0 && share < 1.0, "eval_split", "more than 0 and less than 1", share);
        found.one_of("eval_data", self.eval_data.is_some(), "eval_split", self.eval_split.is_some());
        found.unless(self.eval_data.as_deref() != Some(""), "eval_data", "a file", "nothing");
        found.at_least_one("eval_every", self.eval_every.unwrap_or(1));
        found.at_least_one("patience", self.patience.unwrap_or(1).into());
        let needs = [("eval_every", self.eval_every.is_some()), ("patience", self.patience.is_some())];
        for (setting, given) in needs {
            found.unless(
                !given || self.evaluates(),
                setting,
                "eval_data or eval_split beside it",
                "neither of them",
            );
        }
    }

    fn check_output(&self, found: &mut Problems) {
        found.at_least_one("checkpoint_every", self.checkpoint_every);
        found.at_least_one("keep", self.keep.into());
        found.at_least_one("sample_every", self.sample_every.unwrap_or(1));
        found.at_least_one("sample_tokens", self.sample_tokens.into());
        let prompts = self.sample_every.is_none() || !self.samples.is_empty();
        found.unless(prompts, "sample_every", "samples, the prompts, beside it", "none of them");
        found.unless(self.adapter.as_deref() != Some(""), "adapter", "a folder or a file", "nothing");
    }
}

struct Problems(Vec<Invalid>);

impl Problems {
    fn unless(&mut self, allowed: bool, setting: &str, expected: &str, found: impl fmt::Display) {
        if !allowed {
            let (setting, expected, found) = (setting.into(), expected.into(), found.to_string());
            self.0.push(Invalid { setting, expected, found });
        }
    }

    fn range(&mut self, setting: &str, value: f64, least: f64, most: f64) {
        self.unless((least..=most).contains(&value), setting, &format!("{least} to {most}"), value);
    }

    fn at_least_one(&mut self, setting: &str, value: u64) {
        self.unless(value > 0, setting, "1 or more", value);
    }

    fn one_of(&mut self, one: &str, has_one: bool, other: &str, has_other: bool) {
        self.unless(!(has_one && has_other), one, &format!("one of {one} and {other}"), "both");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn config() -> TrainConfig {
        TrainConfig { model: "m.gguf".into(), data: "d.jsonl".into(), ..TrainConfig::default() }
    }

    /// The settings that are refused once `change` is made.
    fn refused(change: impl FnOnce(&mut TrainConfig)) -> Vec<String> {
        let mut changed = config();
        change(&mut changed);
        changed.problems().into_iter().map(|problem| problem.setting).collect()
    }

    #[test]
    fn the_defaults_train() {
        assert_eq!(config().problems(), []);
    }

    #[test]
    fn a_learning_rate_is_a_small_positive_number() {
        for lr in [0.0, -1e-3, f64::NAN, f64::INFINITY, 1e9] {
            assert_eq!(refused(|c| c.lr = Some(lr)), ["lr"], "{lr}");
        }
        for lr in [1e-9, 1.0] {
            assert!(refused(|c| c.lr = Some(lr)).is_empty(), "{lr}");
        }
    }

    #[test]
    fn every_range_has_its_ends() {
        type Change = fn(&mut TrainConfig);
        let wrong: [(&str, Change); 26] = [
            ("model", |c| c.model.clear()),
            ("data", |c| c.data.clear()),
            ("out", |c| c.out.clear()),
            ("method", |c| c.method.clear()),
            ("options.rank", |c| drop(c.options.insert("rank".into(), Value::Null))),
            ("weight_decay", |c| c.weight_decay = -0.1),
            ("betas", |c| c.betas[1] = 1.0),
            ("betas", |c| c.betas[0] = f64::NAN),
            ("eps", |c| c.eps = 0.0),
            ("clip", |c| c.clip = f64::NAN),
            ("warmup_ratio", |c| c.warmup_ratio = 1.1),
            ("final_share", |c| c.final_share = -1.0),
            ("steps", |c| c.steps = Some(0)),
            ("epochs", |c| c.epochs = Some(0.0)),
            ("epochs", |c| c.epochs = Some(f64::NAN)),
            ("batch_size", |c| c.batch_size = Some(0)),
            ("batch_tokens", |c| c.batch_tokens = Some(0)),
            ("grad_accum", |c| c.grad_accum = 0),
            ("seq_len", |c| c.seq_len = 1),
            ("seed", |c| c.seed = 1 << 53),
            ("eval_split", |c| c.eval_split = Some(1.0)),
            ("eval_data", |c| c.eval_data = Some(String::new())),
            ("checkpoint_every", |c| c.checkpoint_every = 0),
            ("keep", |c| c.keep = 0),
            ("sample_tokens", |c| c.sample_tokens = 0),
            ("adapter", |c| c.adapter = Some(String::new())),
        ];
        for (setting, change) in wrong {
            assert_eq!(refused(change), [setting]);
        }
    }

    #[test]
    fn settings_that_exclude_each_other_are_not_both_taken() {
        assert_eq!(refused(|c| (c.steps, c.epochs) = (Some(1), Some(1.0))), ["steps"]);
        assert_eq!(refused(|c| (c.batch_size, c.batch_tokens) = (Some(1), Some(9))), ["batch_size"]);
        assert_eq!(refused(|c| (c.warmup_steps, c.warmup_ratio) = (1, 0.1)), ["warmup_steps"]);
        let both = |c: &mut TrainConfig| (c.eval_data, c.eval_split) = (Some("e.jsonl".into()), Some(0.1));
        assert_eq!(refused(both), ["eval_data"]);
        let ratios = |c: &mut TrainConfig| (c.warmup_ratio, c.decay_ratio) = (0.6, 0.6);
        assert!(refused(ratios).is_empty(), "only wsd decays by a ratio");
        let wsd = |c: &mut TrainConfig| (ratios(c), c.schedule = ScheduleKind::Wsd).1;
        assert_eq!(refused(wsd), ["decay_ratio"]);
    }

    #[test]
    fn settings_without_what_they_need_are_named() {
        assert_eq!(refused(|c| c.patience = Some(3)), ["patience"]);
        assert_eq!(refused(|c| c.eval_every = Some(3)), ["eval_every"]);
        assert_eq!(refused(|c| c.sample_every = Some(3)), ["sample_every"]);
        let split = |c: &mut TrainConfig| (c.eval_split, c.patience) = (Some(0.1), Some(3));
        assert!(refused(split).is_empty());
    }

    #[test]
    fn a_problem_reads_as_a_sentence() {
        let problems = TrainConfig { seq_len: 1, lr: Some(f64::NAN), ..config() }.problems();
        let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let expected = [
            "lr: expected more than 0 and at most 1, found NaN",
            "seq_len: expected 2 or more: one token to read and one to learn, found 1",
        ];
        assert_eq!(text, expected);
    }
}
