//! Smolder's session: the only way in for the terminal, the worker and the tests.

mod check;
pub mod checkpoint;
mod compute;
pub mod data;
pub mod early;
mod files;
mod inbox;
mod loaded;
mod methods;
pub mod optimizer;
mod platform;
mod preview;
pub mod schedule;
mod self_test;
mod session;
pub mod step;
pub mod watch;
mod write;

pub use compute::{Compute, DeviceError};
pub use files::{FileError, Files};
#[cfg(not(target_family = "wasm"))]
pub use platform::FolderStore;
#[cfg(target_family = "wasm")]
pub use platform::{OpfsFile, OpfsFiles, OpfsStorage, OpfsStore};
pub use session::run;
