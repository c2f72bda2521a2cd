//! Smolder's session: the only way in for the terminal, the worker and the tests.

mod check;
pub mod checkpoint;
pub mod data;
pub mod early;
mod files;
pub mod optimizer;
mod platform;
pub mod pretrain;
pub mod schedule;
mod self_test;
mod session;
pub mod step;
pub mod watch;

pub use files::{FileError, Files};
#[cfg(not(target_family = "wasm"))]
pub use platform::FolderStore;
pub use session::run;
