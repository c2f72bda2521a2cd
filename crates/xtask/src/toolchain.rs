//! A compiler that can make wasm.

use crate::console::{say, step};
use crate::debian;
use crate::process::Process;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
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
    match step(format!("Getting the {WASM} target through rustup"), add_target) {
        Ok(()) => Ok(None),
        Err(error) => {
            say(format!("    {error}"));
            let advice =
                format!("Run `rustup target add {WASM}` with a network connection, then this again.");
            debian::lay_out(workspace).map(|()| Some(debian::NAME)).context(advice)
        }
    }
}

fn add_target() -> Result<()> {
    let add = Process::new("rustup").args(["target", "add", WASM]).silent();
    add.check("Rust's servers may be out of reach.")?;
    ensure!(
        has_target(Process::new("rustc")),
        "rustup says that the target is there, but rustc does not find it."
    );
    Ok(())
}

/// Whether this rustc has a standard library for wasm.
fn has_target(rustc: Process) -> bool {
    let folder = rustc.args(["--print", "target-libdir", "--target", WASM]).first_line();
    folder.is_some_and(|folder| Path::new(&folder).is_dir())
}
