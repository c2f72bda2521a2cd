//! Whether a checkpoint is of the run that is to go on.

use super::Checkpoint;
use serde_json::{Map, Value};
use smolder_formats::adapter::{BaseIdentity, Check};
use smolder_protocol::TrainConfig;
use smolder_protocol::train::ScheduleKind;

/// Settings that may change between a run and its continuation. Model and data are compared by what they hold, not by
/// where they lie.
const FREE: [&str; 14] = [
    "model",
    "data",
    "out",
    "device",
    "adapter",
    "eval_data",
    "eval_every",
    "patience",
    "checkpoint_every",
    "keep",
    "keep_best",
    "samples",
    "sample_every",
    "sample_tokens",
];

impl Checkpoint {
    /// Whether the step before it was skipped: where the next ones are too, its weights are to blame.
    pub fn is_in_doubt(&self) -> bool {
        self.state.watch.doubts()
    }

    /// What keeps a run with these settings, base and data from going on from here, a sentence each; nothing where it
    /// may.
    ///
    /// How long it lasts may change too, unless the schedule depends on it.
    pub fn differences(&self, config: &TrainConfig, base: &BaseIdentity, data_sha256: &str) -> Vec<String> {
        let mut found = settings(&self.state.config, config);
        if let Err(error) = self.base.check(base, Check::Strict) {
            found.push(error.to_string());
        }
        if self.state.data_sha256 != data_sha256 {
            let expected = &self.state.data_sha256;
            found.push(format!("data: expected rows with digest {expected}, found {data_sha256}"));
        }
        found
    }
}

fn settings(before: &TrainConfig, now: &TrainConfig) -> Vec<String> {
    let constant = [before, now].iter().all(|config| config.schedule == ScheduleKind::Constant);
    let ratio = before.warmup_ratio > 0.0 || now.warmup_ratio > 0.0;
    let length_is_free = constant && !ratio;
    let free = |key: &str| FREE.contains(&key) || (length_is_free && (key == "steps" || key == "epochs"));
    let (before, now) = (object(before), object(now));
    let value = |map: &Map<String, Value>, key: &str| map.get(key).cloned().unwrap_or_default();
    let differs = |key: &&String| !free(key) && !same(&value(&before, key), &value(&now, key));
    let sentence =
        |key: &String| format!("{key}: expected {}, found {}", value(&before, key), value(&now, key));
    before.keys().filter(differs).map(sentence).collect()
}

fn object(config: &TrainConfig) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// Equal, where a number of 17 digits may have lost its last bit on its way through JSON.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let equal = |(key, value): (&String, &Value)| other.get(key).is_some_and(|it| same(value, it));
            one.len() == other.len() && one.iter().all(equal)
        }
        _ => match (one.as_f64(), other.as_f64()) {
            (Some(one), Some(other)) => (one - other).abs() <= 1e-15 * one.abs(),
            _ => one == other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::checkpoint;
    use super::*;

    /// The settings that keep a changed run from going on.
    fn refused(change: impl FnOnce(&mut TrainConfig)) -> Vec<String> {
        let checkpoint = checkpoint(10, 1.0);
        let mut config = checkpoint.state.config.clone();
        change(&mut config);
        let found = checkpoint.differences(&config, &checkpoint.base, &checkpoint.state.data_sha256);
        found.iter().map(|text| text.split(':').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_changes_no_number_may_change() {
        assert!(refused(|_| ()).is_empty());
        assert!(refused(|c| c.out = "elsewhere".into()).is_empty());
        assert!(refused(|c| (c.checkpoint_every, c.keep) = (7, 9)).is_empty());
        assert!(refused(|c| c.steps = Some(999)).is_empty(), "a constant schedule does not know the end");
        assert!(refused(|c| c.lr = c.lr.map(|lr| lr * (1.0 + f64::EPSILON))).is_empty());
    }

    #[test]
    fn what_changes_numbers_is_named_with_both_values() {
        assert_eq!(refused(|c| c.lr = Some(2e-3)), ["lr"]);
        assert_eq!(refused(|c| c.betas[1] = 0.95), ["betas"]);
        assert_eq!(refused(|c| drop(c.options.insert("rank".into(), 16.into()))), ["options"]);
        assert_eq!(refused(|c| (c.seed, c.grad_accum) = (1, 2)), ["grad_accum", "seed"]);
        assert_eq!(
            refused(|c| (c.schedule, c.steps) = (ScheduleKind::Linear, Some(9))),
            ["schedule", "steps"]
        );
        let checkpoint = checkpoint(10, 1.0);
        let config = TrainConfig { seq_len: 64, ..checkpoint.state.config.clone() };
        let found = checkpoint.differences(&config, &checkpoint.base, &checkpoint.state.data_sha256);
        assert_eq!(found, ["seq_len: expected 1024, found 64"]);
    }

    #[test]
    fn another_base_and_other_data_are_named() {
        let checkpoint = checkpoint(10, 1.0);
        let base = BaseIdentity { table: "other".into(), ..checkpoint.base.clone() };
        let found = checkpoint.differences(&checkpoint.state.config, &base, "rows");
        assert!(found.len() == 2 && found[0].contains("tensors") && found[1].contains("rows"), "{found:?}");
    }
}
