//! What `smolder-formats` promises: equal results to the reference packages, and a refusal for everything else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod adapters;
mod clock;
mod datasets;
mod fuzz;
mod gguf;
mod gguf_bytes;
mod inspecting;
mod malformed;
mod names;
mod quants;
mod samples;
mod templates;
mod tokenizing;

use std::io::Cursor;
use std::path::{Path, PathBuf};

use smolder_formats::Source;

/// A committed file under `tests/fixtures/formats`.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/formats").join(name)
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Bytes in memory as a source called `name`.
fn memory(name: &str, bytes: impl Into<Vec<u8>>) -> Source<Cursor<Vec<u8>>> {
    Source::new(name, Cursor::new(bytes.into())).unwrap()
}
