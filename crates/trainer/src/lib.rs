//! Smolder's session: the only way in for the terminal, the worker and the tests.

mod session;

pub use session::run;
