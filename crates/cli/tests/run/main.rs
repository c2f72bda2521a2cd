//! `smolder generate`, `chat`, `logits`, `train` and `eval` with the tiny models of `tests/fixtures/models`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod adapters;
mod chat;
mod generate;
mod logits;
mod program;
mod refusals;
mod train;
