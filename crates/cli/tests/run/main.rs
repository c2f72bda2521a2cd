//! `smolder generate`, `chat`, `logits`, `train` and `eval` with the tiny models of `tests/fixtures/models`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod adapters;
mod bundled;
mod chat;
mod generate;
mod logits;
mod merge;
mod program;
mod refusals;
mod train;
