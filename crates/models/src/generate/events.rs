//! What is told of a model that writes.

use std::ops::ControlFlow;

/// What happens while a model writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// So many of the prompts' tokens have been read.
    Read {
        /// Tokens read, those that the cache held included.
        done: usize,
        /// Tokens of all prompts.
        total: usize,
    },
    /// A sequence has one more token.
    Piece(Piece<'a>),
}

/// A token and what it adds to the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Which of the prompts it belongs to.
    pub sequence: usize,
    /// The token.
    pub token: u32,
    /// The text that is certain now; often empty, as a character or a stop string may still be incomplete.
    pub text: &'a str,
}

/// Told of each event; breaks to cancel what has not ended.
pub type Watch<'a> = &'a mut dyn FnMut(Event) -> ControlFlow<()>;

/// Why a sequence ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The model ended it with this token.
    Token(u32),
    /// This text was about to come.
    Stop(String),
    /// It has as many tokens as were asked for.
    MaxTokens,
    /// There is no room for more.
    Context,
    /// Somebody asked to stop.
    Cancelled,
}

/// What became of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The tokens that were added, those of a stop string included, but not a token that ended the text.
    pub ids: Vec<u32>,
    /// Why there are no more.
    pub end: End,
    /// Tokens of the prompt that the cache did not hold.
    pub read: usize,
    /// Seconds until the first token was chosen.
    pub prefill_secs: f64,
    /// Seconds from then to the last token.
    pub decode_secs: f64,
}
