//! What is said while training runs. Every number in an event is finite.

use super::{Invalid, TrainConfig};
use crate::device::Problem;
use serde::{Deserialize, Serialize};

/// What a front end asks a training run for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TrainCommand {
    /// Begin a run.
    Start {
        /// Its settings.
        config: Box<TrainConfig>,
        /// Whether to go on from the newest checkpoint in [`TrainConfig::out`].
        resume: bool,
    },
    /// Rest after the step that is running.
    Pause,
    /// Go on after [`Self::Pause`].
    Continue,
    /// Answer a prompt now.
    Sample {
        /// The user's turn, or the text to go on with.
        prompt: String,
    },
    /// Write a checkpoint after the step that is running, unless there is nothing new, and go on.
    Save,
    /// Write a checkpoint after the step that is running, and end.
    Stop,
}

/// What the trainer tells of a run, in the order in which it happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TrainEvent {
    /// Model and data are loaded; this is what is going to happen.
    Started(Plan),
    /// A step is done. Skipped ones are [`Warning::StepSkipped`] instead.
    Stepped(StepReport),
    /// The held-out rows are being looked at. It belongs to no record: another one or [`Self::Evaluated`] comes soon.
    Evaluating {
        /// Labelled tokens that were looked at.
        done: u64,
        /// Labelled tokens in all.
        total: u64,
    },
    /// The held-out rows were looked at.
    Evaluated(Evaluation),
    /// A prompt was answered.
    Sampled(Sample),
    /// A person should know this; training goes on.
    Warned(Warning),
    /// A checkpoint is on disk.
    Checkpointed {
        /// Steps that are in it.
        step: u64,
        /// Whether it has the lowest evaluation loss so far.
        best: bool,
    },
    /// Training rests.
    Paused {
        /// Steps done.
        step: u64,
    },
    /// Training is over, and the adapter is written.
    Finished(End),
    /// Training is over, and no adapter is written; the checkpoints remain.
    Failed(Failure),
}

/// A run before its first step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Steps that a checkpoint has done already; 0 for a fresh run.
    pub done: u64,
    /// Steps in all.
    pub steps: u64,
    /// Learning rate at its peak.
    pub lr: f64,
    /// Rows that are trained on.
    pub rows: usize,
    /// Tokens in them.
    pub tokens: u64,
    /// Tokens of these that are learned.
    pub labelled_tokens: u64,
    /// Rows that are evaluated on.
    pub eval_rows: usize,
    /// Numbers that are trained.
    pub trained_parameters: u64,
    /// Numbers that are not.
    pub frozen_parameters: u64,
    /// Where it computes: a GPU's name; `None` for the CPU.
    pub gpu: Option<String>,
    /// What the device will hold at its fullest, in bytes; an estimate.
    pub memory_bytes: u64,
    /// How long training will last, in seconds; `None` where nothing was measured.
    pub duration_secs: Option<f64>,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Its number, from 1.
    pub step: u64,
    /// Mean loss over its labelled tokens, in nats.
    pub loss: f32,
    /// Learning rate that it was done with.
    pub lr: f64,
    /// L2 norm of the gradient of all trained tensors together, before clipping.
    pub grad_norm: f32,
    /// Tokens that the run has trained on so far, this step's included.
    pub tokens: u64,
    /// Tokens of this step for each second it took.
    pub tokens_per_s: f64,
    /// What is in use.
    pub memory: Memory,
}

/// Memory in use, in bytes; `None` where the platform does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The device's buffers.
    pub device_bytes: Option<u64>,
    /// The process: its resident set, or a tab's WebAssembly memory.
    pub process_bytes: Option<u64>,
}

/// The loss on rows that are not trained on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Steps done before it.
    pub step: u64,
    /// Mean loss over all labelled tokens, in nats.
    pub loss: f32,
    /// `exp(loss)`; `None` where that is no finite number.
    pub perplexity: Option<f64>,
    /// Labelled tokens.
    pub tokens: u64,
    /// Whether the loss is the lowest so far.
    pub best: bool,
}

impl Evaluation {
    /// Perplexity of a mean loss in nats.
    pub fn perplexity_of(loss: f32) -> Option<f64> {
        Some(f64::from(loss).exp()).filter(|perplexity| perplexity.is_finite())
    }
}

/// The lowest loss on rows that are not trained on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Steps done before it.
    pub step: u64,
    /// Mean loss over all labelled tokens, in nats.
    pub loss: f32,
}

/// An answered prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Steps done before it.
    pub step: u64,
    /// The prompt.
    pub prompt: String,
    /// The answer.
    pub text: String,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Why.
    pub cause: EndCause,
    /// Steps done, skipped ones included.
    pub step: u64,
    /// The last step's loss, in nats; `None` where none was done.
    pub loss: Option<f32>,
    /// The best evaluation, where there was one.
    pub best: Option<Best>,
    /// From the first step of this process to here, in seconds.
    pub duration_secs: f64,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndCause {
    /// All steps are done.
    Complete,
    /// [`TrainConfig::patience`] evaluations passed without a better loss.
    EarlyStopping,
    /// [`TrainCommand::Stop`]; the newest checkpoint can be resumed.
    Stopped,
}

/// What was not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotFinite {
    /// The loss.
    Loss,
    /// The gradient's norm.
    Gradient,
}

/// What a person should know while training goes on. The texts live with the front ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Warning {
    /// A loss or a gradient was not finite: nothing was changed by this step.
    StepSkipped {
        /// The step.
        step: u64,
        /// What was not finite.
        cause: NotFinite,
        /// So many in a row.
        in_a_row: u32,
    },
    /// Several steps in a row were skipped: weights and moments are a checkpoint's again; the data goes on.
    RolledBack {
        /// The last skipped step.
        step: u64,
        /// Steps that are in the checkpoint.
        checkpoint: u64,
    },
    /// After so many steps the adapter still does nothing: what it adds is exactly zero.
    AdapterFrozen {
        /// Steps done.
        step: u64,
    },
    /// The loss on rows that are not trained on is infinite or NaN.
    EvaluationNotFinite {
        /// Steps done.
        step: u64,
    },
    /// Rows were to be kept back to evaluate on, and there is only one.
    NothingToEvaluate,
    /// A prompt could not be answered.
    NoSample {
        /// The prompt.
        prompt: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Layers that were asked for and that the model does not have.
    TargetsUnmatched {
        /// Their names.
        targets: Vec<String>,
    },
    /// The device ran out of memory: the same step is done in smaller parts.
    BatchHalved {
        /// Sequences of a part before.
        before: u32,
        /// Sequences of a part now.
        now: u32,
    },
    /// A step wants more rows than there are: it takes all of them.
    BatchLargerThanData {
        /// Rows that a step wants.
        wanted: u64,
        /// Rows that there are.
        rows: u64,
    },
    /// Rows were left out.
    RowsDropped {
        /// How many.
        rows: u64,
        /// Why the first of them was.
        reason: String,
    },
    /// Rows were longer than allowed and lost their ends.
    RowsTruncated {
        /// How many.
        rows: u64,
        /// Tokens that a row may have.
        seq_len: u32,
        /// Whether the model's context holds more.
        longer: bool,
    },
    /// Rows may be no longer than the model's context.
    SeqLenLowered {
        /// Tokens asked for.
        wanted: u32,
        /// Tokens of the context.
        context: u32,
    },
    /// A run goes on with other rows to evaluate on: what was the best no longer counts.
    OtherEvaluationRows,
    /// A checkpoint cannot be used; an older one is.
    CheckpointDamaged {
        /// Its name.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A checkpoint could not be written; the one before remains.
    CheckpointNotWritten {
        /// Steps that would be in it.
        step: u64,
        /// What was refused, in the platform's words.
        reason: String,
    },
    /// The adapter to continue from belongs to a base that differs in something that may matter.
    OtherBase {
        /// What differs.
        reason: String,
    },
}

/// Why a run ended without an adapter. The texts live with the front ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Failure {
    /// Settings outside their ranges.
    Settings(Vec<Invalid>),
    /// Model, data or adapter are not what they must be.
    Input {
        /// A sentence that names the file and the field.
        reason: String,
    },
    /// No row has a token to learn.
    NothingToLearn,
    /// The device has no memory even for one sequence at a time.
    OutOfMemory {
        /// Tokens of that sequence.
        tokens: u64,
    },
    /// Losses or gradients stayed infinite or NaN, and going back to a checkpoint did not help.
    NotFinite {
        /// The last step.
        step: u64,
    },
    /// The device failed.
    Device(Problem),
    /// What must be written could not be.
    Storage {
        /// The platform's words.
        reason: String,
        /// Whether there was no room.
        full: bool,
    },
    /// The checkpoint belongs to another run.
    OtherRun {
        /// What differs: settings, the base or the data.
        differences: Vec<String>,
    },
}
