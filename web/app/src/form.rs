//! Settings as text in fields, and back.

use serde_json::Value;
use smolder_protocol::TrainConfig;
use smolder_protocol::train::Invalid;
use std::str::FromStr;

/// A setting that is typed: how it reads, and what a text does to it.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    /// The field of [`TrainConfig`], as [`TrainConfig::problems`] names it.
    pub(crate) setting: &'static str,
    pub(crate) read: fn(&TrainConfig) -> String,
    /// False where the text is no such value.
    pub(crate) write: fn(&mut TrainConfig, &str) -> bool,
}

/// A number that must be there.
macro_rules! number {
    ($name:ident) => {
        Field {
            setting: stringify!($name),
            read: |config| config.$name.to_string(),
            write: |config, text| set(&mut config.$name, parsed(text)),
        }
    };
}

/// A number that may be left out.
macro_rules! optional {
    ($name:ident) => {
        Field {
            setting: stringify!($name),
            read: |config| config.$name.map(|value| value.to_string()).unwrap_or_default(),
            write: |config, text| set(&mut config.$name, optional(text)),
        }
    };
}

/// Steps exclude epochs, so that writing one forgets the other.
pub(crate) const STEPS: Field = Field {
    write: |config, text| {
        let done = set(&mut config.steps, optional(text));
        config.epochs = config.epochs.filter(|_| config.steps.is_none());
        done
    },
    ..optional!(steps)
};
pub(crate) const EPOCHS: Field = Field {
    write: |config, text| {
        let done = set(&mut config.epochs, optional(text));
        config.steps = config.steps.filter(|_| config.epochs.is_none());
        done
    },
    ..optional!(epochs)
};
/// A share of warm-up goes before a number of steps.
pub(crate) const WARMUP: Field = Field {
    write: |config, text| {
        config.warmup_steps = 0;
        set(&mut config.warmup_ratio, parsed(text))
    },
    ..number!(warmup_ratio)
};
/// What is evaluated only with rows to evaluate on goes with them.
pub(crate) const EVAL_SPLIT: Field = Field {
    write: |config, text| {
        let done = set(&mut config.eval_split, optional(text));
        if config.eval_split.is_none() {
            (config.eval_every, config.patience) = (None, None);
        }
        done
    },
    ..optional!(eval_split)
};
pub(crate) const LR: Field = optional!(lr);
pub(crate) const WEIGHT_DECAY: Field = number!(weight_decay);
pub(crate) const CLIP: Field = number!(clip);
pub(crate) const BATCH_SIZE: Field = optional!(batch_size);
pub(crate) const GRAD_ACCUM: Field = number!(grad_accum);
pub(crate) const SEQ_LEN: Field = number!(seq_len);
pub(crate) const EVAL_EVERY: Field = optional!(eval_every);
pub(crate) const PATIENCE: Field = optional!(patience);
pub(crate) const SAMPLE_EVERY: Field = optional!(sample_every);
pub(crate) const CHECKPOINT_EVERY: Field = number!(checkpoint_every);
pub(crate) const SEED: Field = number!(seed);

fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.trim().parse().ok()
}

/// An empty text is no value; `Some(None)`.
#[allow(clippy::option_option, reason = "unreadable, left out, given")]
fn optional<T: FromStr>(text: &str) -> Option<Option<T>> {
    if text.trim().is_empty() { Some(None) } else { parsed(text).map(Some) }
}

fn set<T>(field: &mut T, value: Option<T>) -> bool {
    value.map(|value| *field = value).is_some()
}

/// A method's setting from a text, in the type of its default; `None` where it is no such value.
pub(crate) fn option_value(default: &Value, text: &str) -> Option<Value> {
    match default {
        Value::Number(number) if number.is_f64() => parsed::<f64>(text).map(Value::from),
        // A whole default need not stay whole: α may be 8.5.
        Value::Number(_) => {
            parsed::<u64>(text).map(Value::from).or_else(|| parsed::<f64>(text).map(Value::from))
        }
        Value::Bool(_) => parsed::<bool>(text).map(Value::from),
        _ => Some(text.into()),
    }
}

/// A method's setting as text: what was given, else its default.
pub(crate) fn option_text(config: &TrainConfig, name: &str, default: &Value) -> String {
    match config.options.get(name).unwrap_or(default) {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Keeps a method's setting; one that is its default is not kept.
pub(crate) fn set_option(config: &mut TrainConfig, name: &str, default: &Value, value: Value) {
    if value == *default {
        config.options.remove(name);
    } else {
        config.options.insert(name.to_owned(), value);
    }
}

/// Prompts, one a line.
pub(crate) fn prompts(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// What is wrong with one setting.
pub(crate) fn problem_of(problems: &[Invalid], setting: &str) -> Option<Invalid> {
    problems.iter().find(|problem| problem.setting == setting).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(field: Field, text: &str) -> Option<TrainConfig> {
        let mut config = TrainConfig { steps: Some(7), eval_split: Some(0.1), ..TrainConfig::default() };
        config.patience = Some(3);
        (field.write)(&mut config, text).then_some(config)
    }

    #[test]
    fn a_text_becomes_its_setting_and_reads_as_it_was_written() {
        for (field, text) in [(LR, "0.001"), (BATCH_SIZE, "4"), (SEQ_LEN, "256"), (CLIP, "0.5"), (SEED, "9")]
        {
            let config = written(field, &format!(" {text} ")).unwrap();
            assert_eq!((field.read)(&config), text, "{}", field.setting);
        }
        assert_eq!((LR.read)(&written(LR, "").unwrap()), "");
        for (field, text) in [(LR, "fast"), (BATCH_SIZE, "-1"), (SEQ_LEN, ""), (STEPS, "1.5")] {
            assert_eq!(written(field, text), None, "{}", field.setting);
        }
    }

    #[test]
    fn settings_that_exclude_each_other_replace_each_other() {
        let config = written(EPOCHS, "2").unwrap();
        assert_eq!((config.steps, config.epochs), (None, Some(2.0)));
        let config = written(EVAL_SPLIT, "").unwrap();
        assert_eq!((config.eval_split, config.patience), (None, None));
    }

    #[test]
    fn a_methods_setting_has_its_defaults_type() {
        assert_eq!(option_value(&json!(8), "16"), Some(json!(16)));
        assert_eq!(option_value(&json!(16), "8.5"), Some(json!(8.5)));
        assert_eq!(option_value(&json!(8), "many"), None);
        assert_eq!(option_value(&json!(false), "true"), Some(json!(true)));
        assert_eq!(option_value(&json!("all-linear"), "q_proj"), Some(json!("q_proj")));
        let mut config = TrainConfig::default();
        set_option(&mut config, "rank", &json!(8), json!(16));
        assert_eq!(option_text(&config, "rank", &json!(8)), "16");
        set_option(&mut config, "rank", &json!(8), json!(8));
        assert!(config.options.is_empty());
    }

    #[test]
    fn prompts_are_lines_with_something_in_them() {
        assert_eq!(prompts(" a \n\n b\n"), ["a", "b"]);
    }
}
