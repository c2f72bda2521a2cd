//! Why a model cannot go on.

use crate::sampling::SamplingError;

/// Why a model cannot go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GenerateError {
    /// Nothing to go on from.
    #[error("prompt {}: expected at least one token, found none", sequence + 1)]
    NoTokens {
        /// Which prompt.
        sequence: usize,
    },
    /// Too long.
    #[error("prompt {}: expected at most {room} tokens, found {tokens}: the context holds no more, shorten it or give it more room", sequence + 1)]
    Context {
        /// Which prompt.
        sequence: usize,
        /// Its tokens.
        tokens: usize,
        /// Tokens that it may have, so that one more fits.
        room: usize,
    },
    /// More prompts than the generator was made for.
    #[error("expected at most {room} prompts, found {prompts}")]
    Sequences {
        /// How many there are.
        prompts: usize,
        /// How many there is room for.
        room: usize,
    },
    /// Keys and values that do not fit.
    #[error("keys and values take {bytes} bytes, more than there is memory")]
    Memory {
        /// What they take.
        bytes: u64,
    },
    /// An id that is none.
    #[error("prompt {}: expected ids below {vocabulary}, found {id}: take this model's own tokenizer", sequence + 1)]
    UnknownToken {
        /// Which prompt.
        sequence: usize,
        /// The id.
        id: u32,
        /// Tokens that the model knows.
        vocabulary: usize,
    },
    /// A setting outside its range, or logits that are no numbers.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// The device failed.
    #[error("the device gave no result: {0}")]
    Device(String),
}
