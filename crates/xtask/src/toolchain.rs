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
            ensure!(has_rustup(), advice());
            debian::lay_out(workspace).map(|()| Some(debian::NAME)).context(advice())
        }
    }
}

/// What a person can do where neither rustup nor Debian has given the target.
fn advice() -> String {
    if !has_rustup() {
        return format!(
            "Install Rust with rustup (https://rustup.rs), which has the {WASM} target; then run this again."
        );
    }
    format!("Run `rustup target add {WASM}` with a network connection, then this again.")
}

/// Debian's packages too become a toolchain of rustup's.
fn has_rustup() -> bool {
    Process::new("rustup").arg("--version").first_line().is_some()
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
