//! Putting a model on a device, and letting it write.

use crate::device::Problem;
use crate::train::DeviceChoice;
use serde::{Deserialize, Serialize};

/// What a front end asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModelCommand {
    /// Put a model on a device, in the place of the one that is there.
    Load {
        /// A name that the front end's files know.
        model: String,
        /// Where it shall compute.
        device: DeviceChoice,
    },
    /// Let the model that is there write.
    Generate(Box<Generate>),
    /// Give the model's memory back.
    Unload,
}

/// What to write, and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Generate {
    /// Comes back with all that is told of it.
    pub id: u64,
    /// What to go on from.
    pub prompt: Prompt,
    /// An adapter that the front end's files know; none for the base alone.
    pub adapter: Option<String>,
    /// How much of the adapter's change is made, as a share; none for all of it.
    pub strength: Option<f32>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Tokens to add at most.
    pub max_tokens: usize,
    /// Texts to stop before.
    pub stops: Vec<String>,
}

/// What a model goes on from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Prompt {
    /// A conversation, which the model's template turns into text; its next turn is the assistant's.
    Chat(Vec<Message>),
    /// A text as it is; control tokens that it spells are letters.
    Text(String),
}

impl Default for Prompt {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

/// A turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// "system", "user" or "assistant", or what else a template knows.
    pub role: String,
    /// What was said.
    pub content: String,
}

/// How the next token is chosen. The default is greedy: the likeliest token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// Divides the logits; 0 takes the likeliest token.
    pub temperature: f32,
    /// Only so many of the likeliest tokens; 0 for all.
    pub top_k: usize,
    /// Only the likeliest tokens that have this share of the probability between them; 1 for all.
    pub top_p: f32,
    /// Only tokens with at least this share of the likeliest one's probability; 0 for all.
    pub min_p: f32,
    /// Makes tokens that were there before less likely; 1 for none.
    pub repetition_penalty: f32,
    /// The same seed gives the same text.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 0.0, top_k: 0, top_p: 1.0, min_p: 0.0, repetition_penalty: 1.0, seed: 0 }
    }
}

/// What is told of a model, in the order in which it happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModelEvent {
    /// So much of the model is on its device.
    Loading {
        /// Bytes of tensors done.
        done_bytes: u64,
        /// Bytes of all tensors.
        total_bytes: u64,
    },
    /// [`ModelCommand::Load`] is done.
    Loaded(Loaded),
    /// So much of a prompt has been read.
    Read {
        /// [`Generate::id`].
        id: u64,
        /// Tokens read.
        done: usize,
        /// Tokens of the prompt.
        total: usize,
    },
    /// The answer goes on with this text.
    Wrote {
        /// [`Generate::id`].
        id: u64,
        /// What is certain now; never empty.
        text: String,
    },
    /// [`ModelCommand::Generate`] is done.
    Written(Written),
    /// [`ModelCommand::Unload`] is done.
    Unloaded,
    /// A command was not carried out, or not to its end; the next one can be.
    Refused {
        /// Which one.
        task: Task,
        /// Why.
        failure: Failure,
        /// Whether the model that was there still is.
        still_loaded: bool,
    },
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// [`ModelCommand::Load`].
    Load,
    /// [`ModelCommand::Generate`] with this id.
    Generate(u64),
}

/// A model on its device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loaded {
    /// What it was asked for by.
    pub model: String,
    /// The architecture, as GGUF calls it.
    pub architecture: String,
    /// Weights, tied ones counted once.
    pub parameters: u64,
    /// Layers.
    pub layers: u64,
    /// Tokens that it was made for.
    pub context: u64,
    /// Tokens that it knows.
    pub vocabulary: usize,
    /// Bytes of its tensors in their file.
    pub bytes: u64,
    /// Whether its files have no chat template, so that a common one is used.
    pub template_built_in: bool,
    /// Where it computes.
    pub device: Computes,
    /// From the command to here, in seconds.
    pub duration_secs: f64,
}

/// What computes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Computes {
    /// The CPU.
    Cpu,
    /// A GPU.
    Gpu {
        /// What the platform calls it; may be empty.
        name: String,
        /// Whether it is a software renderer.
        software: bool,
    },
}

/// An answer at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// [`Generate::id`].
    pub id: u64,
    /// Why there is no more.
    pub end: End,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Tokens that were added.
    pub tokens: usize,
    /// Seconds until the first token was chosen.
    pub first_token_secs: f64,
    /// Seconds from then to the last token.
    pub decode_secs: f64,
}

impl Written {
    /// Tokens for each second after the first token; `None` where there was no second one.
    pub fn tokens_per_s(&self) -> Option<f64> {
        let more = self.tokens.checked_sub(1).filter(|more| *more > 0)?;
        Some(more as f64 / self.decode_secs).filter(|speed| speed.is_finite())
    }
}

/// Why there is no more of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// The model ended it.
    Model,
    /// This text was about to come.
    Stop(String),
    /// It has as many tokens as were asked for.
    MaxTokens,
    /// The model's context is full.
    Context,
    /// [`crate::Command::Cancel`].
    Cancelled,
}

/// Why a command was not carried out. The texts live with the front ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Failure {
    /// A file, a setting or a conversation is not what it must be.
    Input {
        /// A sentence that names it, what was expected and what was found.
        reason: String,
    },
    /// There is no model to write with.
    NoModel,
    /// The prompt does not fit the model's context.
    Context {
        /// Its tokens.
        tokens: usize,
        /// Tokens that it may have.
        room: usize,
    },
    /// There is not enough memory.
    OutOfMemory,
    /// The model computes infinity or NaN.
    NotFinite {
        /// A sentence that says where.
        reason: String,
    },
    /// There is no device, or it failed.
    Device(Problem),
    /// [`crate::Command::Cancel`].
    Cancelled,
}
