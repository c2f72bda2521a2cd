//! A compiler that can make wasm.

use crate::console::step;
use crate::debian;
use crate::process::Process;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::Path;

/// Rust's name of the browser's machine.
pub const WASM: &str = "wasm32-unknown-unknown";

/// The rustup toolchain to use for wasm; `None` is the one that everything else is built with.
pub type Toolchain = Option<&'static str>;

/// Finds or gets the wasm target: what is there, else rustup's, else Debian's.
pub fn ensure(workspace: &Workspace) -> Result<Toolchain> {
    if has_target(Process::new("rustc")) {
        return Ok(None);
    }
    if debian::is_ready(workspace) {
        return Ok(Some(debian::NAME));
    }
    let rustup = step(format!("Getting the {WASM} target through rustup"), || {
        let advice = "Rust's servers may be out of reach.";
        Process::new("rustup").args(["target", "add", WASM]).silent().check(advice)
    });
    match rustup {
        Ok(_) => Ok(None),
        Err(error) => debian::lay_out(workspace).map(|()| Some(debian::NAME)).with_context(|| {
            format!("{error} Run `rustup target add {WASM}` with a network connection, then this again.")
        }),
    }
}

/// Whether this rustc has a standard library for wasm.
fn has_target(rustc: Process) -> bool {
    let folder = rustc.args(["--print", "target-libdir", "--target", WASM]).first_line();
    folder.is_some_and(|folder| Path::new(&folder).is_dir())
}
