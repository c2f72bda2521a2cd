//! Training: its settings, and what is said while it runs.

mod check;
mod message;
mod toml;

pub use check::Invalid;
pub use message::{
    Best, End, EndCause, Evaluation, Failure, Memory, NotFinite, Plan, Sample, StepReport, TrainCommand,
    TrainEvent, Warning,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Every setting of a training run: the keys of a configuration file, and the flags of `smolder train`.
///
/// A key that is left out has its default; a key that is not known is refused.
#[allow(clippy::struct_excessive_bools, reason = "switches of a form, each a field of its file")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// The base model: a GGUF file, a name in the catalog, or organisation/repository at the hub.
    pub model: String,
    /// The data file.
    pub data: String,
    /// New names for the data's columns, as in `question=prompt`.
    pub map: Vec<String>,
    /// Whether pairs are put one behind the other as they are, without the chat template.
    pub raw: bool,
    /// Where checkpoints and the adapter go.
    pub out: String,
    /// What computes.
    pub device: DeviceChoice,

    /// The method's name: `lora`.
    pub method: String,
    /// The method's own settings; those left out have the method's defaults.
    pub options: Map<String, Value>,
    /// An adapter to continue from.
    pub adapter: Option<String>,

    /// Learning rate at its peak; none for the method's own.
    pub lr: Option<f64>,
    /// AdamW's decoupled weight decay.
    pub weight_decay: f64,
    /// AdamW's decay rates of the first and the second moment.
    pub betas: [f64; 2],
    /// AdamW's ε.
    pub eps: f64,
    /// The gradient's largest norm over all trained tensors; 0 for any.
    pub clip: f64,
    /// How the learning rate changes over the steps.
    pub schedule: ScheduleKind,
    /// Steps over which the learning rate grows from 0.
    pub warmup_steps: u64,
    /// The same as a share of all steps.
    pub warmup_ratio: f64,
    /// Share of all steps over which a `wsd` schedule decays.
    pub decay_ratio: f64,
    /// What is left of the learning rate at the end, as a share of its peak.
    pub final_share: f64,

    /// Optimizer steps. With neither steps nor epochs: three epochs.
    pub steps: Option<u64>,
    /// Passes over the data, perhaps a part of one.
    pub epochs: Option<f64>,
    /// Rows of a micro-batch. With neither rows nor tokens: 8 rows.
    pub batch_size: Option<u32>,
    /// Tokens of a micro-batch at most, in whole rows.
    pub batch_tokens: Option<u32>,
    /// Micro-batches of a step.
    pub grad_accum: u32,
    /// Tokens of a row at most; what is longer is cut.
    pub seq_len: u32,
    /// Whether several documents share a row, each attending to itself alone.
    pub packing: bool,
    /// What the loss is taken on.
    pub loss_on: LossOn,
    /// Decides the data's order and split, initial weights and dropout.
    pub seed: u64,
    /// Whether the rows come in another order in each epoch.
    pub shuffle: bool,

    /// Rows for evaluation from a file of their own.
    pub eval_data: Option<String>,
    /// Share of the data that is kept back for evaluation.
    pub eval_split: Option<f64>,
    /// Steps between evaluations; none for one at the end of each epoch.
    pub eval_every: Option<u64>,
    /// Evaluations without a better loss after which training stops; none for never.
    pub patience: Option<u32>,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// The newest checkpoints that are kept.
    pub keep: u32,
    /// Whether the checkpoint of the lowest evaluation loss is kept too, and exported.
    pub keep_best: bool,
    /// Prompts that are answered while training.
    pub samples: Vec<String>,
    /// Steps between samples; none for the start and the end alone.
    pub sample_every: Option<u64>,
    /// Tokens of a sample at most.
    pub sample_tokens: u32,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            model: String::new(),
            data: String::new(),
            map: Vec::new(),
            raw: false,
            out: "adapter".to_owned(),
            device: DeviceChoice::Auto,
            method: "lora".to_owned(),
            options: Map::new(),
            adapter: None,
            lr: None,
            weight_decay: 0.0,
            betas: [0.9, 0.999],
            eps: 1e-8,
            clip: 1.0,
            schedule: ScheduleKind::Constant,
            warmup_steps: 0,
            warmup_ratio: 0.0,
            decay_ratio: 0.1,
            final_share: 0.0,
            steps: None,
            epochs: None,
            batch_size: None,
            batch_tokens: None,
            grad_accum: 1,
            seq_len: 1024,
            packing: false,
            loss_on: LossOn::Assistant,
            seed: 0,
            shuffle: true,
            eval_data: None,
            eval_split: None,
            eval_every: None,
            patience: None,
            checkpoint_every: 50,
            keep: 2,
            keep_best: true,
            samples: Vec::new(),
            sample_every: None,
            sample_tokens: 64,
        }
    }
}

impl TrainConfig {
    /// How long training lasts.
    pub fn length(&self) -> Length {
        match (self.steps, self.epochs) {
            (Some(steps), _) => Length::Steps(steps),
            (None, epochs) => Length::Epochs(epochs.unwrap_or(3.0)),
        }
    }

    /// What a micro-batch holds.
    pub fn batch(&self) -> BatchSize {
        match (self.batch_tokens, self.batch_size) {
            (Some(tokens), _) => BatchSize::Tokens(tokens),
            (None, rows) => BatchSize::Rows(rows.unwrap_or(8)),
        }
    }

    /// Whether there is something to evaluate on.
    pub fn evaluates(&self) -> bool {
        self.eval_data.is_some() || self.eval_split.is_some()
    }
}

/// How long training lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    /// Optimizer steps.
    Steps(u64),
    /// Passes over the data.
    Epochs(f64),
}

/// What a micro-batch holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSize {
    /// So many rows.
    Rows(u32),
    /// Whole rows of at most so many tokens together; a longer one alone.
    Tokens(u32),
}

/// What computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceChoice {
    /// The faster one, measured.
    #[default]
    Auto,
    /// The GPU, or nothing.
    Gpu,
    /// The CPU.
    Cpu,
}

/// How the learning rate changes over the steps, after warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// It stays.
    #[default]
    Constant,
    /// It falls along a line.
    Linear,
    /// It falls along half a cosine.
    Cosine,
    /// It stays, and falls along half a cosine at the end (warm-up, stable, decay).
    Wsd,
}

/// What the loss is taken on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossOn {
    /// Every turn of the assistant's; the completion; all of a plain text.
    #[default]
    Assistant,
    /// All tokens.
    All,
    /// What comes after the prompt: the assistant's last turn, or the completion.
    Completion,
    /// The assistant's last turn.
    LastTurn,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_needs_only_what_differs_from_the_defaults() {
        let text = r#"{"model": "m", "lr": 0.001, "schedule": "wsd", "options": {"rank": 4}}"#;
        let config: TrainConfig = serde_json::from_str(text).unwrap();
        let mut expected = TrainConfig { model: "m".into(), lr: Some(1e-3), ..TrainConfig::default() };
        expected.schedule = ScheduleKind::Wsd;
        expected.options.insert("rank".into(), 4.into());
        assert_eq!(config, expected);
    }

    #[test]
    fn a_key_that_is_not_known_is_refused_by_name() {
        let error = serde_json::from_str::<TrainConfig>(r#"{"learning_rate": 1}"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `learning_rate`"), "{error}");
    }

    #[test]
    fn settings_survive_json() {
        let mut config = TrainConfig { steps: Some(3), lr: Some(0.000_316), ..TrainConfig::default() };
        config.eval_split = Some(0.1);
        config.samples = vec!["Hello".into()];
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<TrainConfig>(&text).unwrap(), config);
    }

    #[test]
    fn length_and_batch_have_defaults() {
        let config = TrainConfig::default();
        assert_eq!((config.length(), config.batch()), (Length::Epochs(3.0), BatchSize::Rows(8)));
        let given = TrainConfig { steps: Some(7), batch_tokens: Some(512), ..config };
        assert_eq!((given.length(), given.batch()), (Length::Steps(7), BatchSize::Tokens(512)));
    }
}
