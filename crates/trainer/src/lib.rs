//! Smolder's session: the only way in for the terminal, the worker and the tests.

mod check;
pub mod checkpoint;
pub mod compute;
pub mod data;
mod dropout;
pub mod early;
pub mod evaluation;
mod files;
mod inbox;
mod kept;
mod loaded;
mod methods;
pub mod optimizer;
mod platform;
pub mod pretrain;
mod preview;
mod remarks;
pub mod room;
mod run;
pub mod schedule;
mod self_test;
mod session;
pub mod step;
mod today;
mod training;
pub mod watch;
mod write;

pub use files::{FileError, Files, NoFiles, NoStore};
#[cfg(not(target_family = "wasm"))]
pub use platform::FolderStore;
#[cfg(target_family = "wasm")]
pub use platform::{OpfsFile, OpfsFiles, OpfsRecord, OpfsStorage, OpfsStore};
pub use remarks::adapter_remarks;
pub use run::load_rows;
pub use session::run;
pub use today::{template_options, today};
