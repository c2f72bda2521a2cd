//! `smolder models get` against a server on this machine that behaves as hubs, mirrors, proxies and bad lines do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod choosing;
mod place;
mod refusals;
mod resuming;
mod server;
mod trust;
