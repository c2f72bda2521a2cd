//! Smolder's session: the only way in for the terminal, the worker and the tests.

mod check;
pub mod data;
pub mod early;
pub mod optimizer;
mod platform;
pub mod schedule;
mod self_test;
mod session;
pub mod step;
pub mod watch;

pub use session::run;
