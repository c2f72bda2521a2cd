//! All that differs between a terminal and a browser tab; `native.rs` and `web.rs` have the same functions.

#[cfg(not(target_family = "wasm"))]
mod folder;
#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(target_family = "wasm")]
mod web;

#[cfg(not(target_family = "wasm"))]
pub use folder::FolderStore;
#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{
    complete, cpu_threads, free_bytes, gpu_hidden, now_ms, process_bytes, storage, unix_secs,
};
#[cfg(target_family = "wasm")]
pub use web::{OpfsFile, OpfsFiles, OpfsRecord, OpfsStorage, OpfsStore};
#[cfg(target_family = "wasm")]
pub(crate) use web::{
    complete, cpu_threads, free_bytes, gpu_hidden, now_ms, process_bytes, storage, unix_secs,
};
