//! Commands that read a model, with the tiny ones of `tests/fixtures/models`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod adapters;
mod bundled;
mod chat;
mod compare;
mod converting;
mod generate;
mod logits;
mod looking;
mod merge;
mod program;
mod refusals;
mod sparing;
mod train;
