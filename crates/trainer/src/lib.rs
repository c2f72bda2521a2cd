//! Smolder's session: the only way in for the terminal, the worker and the tests.

mod check;
mod platform;
mod self_test;
mod session;
pub mod step;

pub use session::run;
