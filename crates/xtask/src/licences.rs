//! Licences and sources of the dependencies: `cargo xtask licences`.

use crate::console::step;
use crate::process::Process;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::env;
use std::process::ExitCode;

/// Holds the dependencies against deny.toml. Advisories are left to a machine with the network: their list is not in a
/// registry.
pub fn check(workspace: &Workspace) -> Result<ExitCode> {
    let inherited = env::var_os("PATH").unwrap_or_default();
    let folders = tools::deny(workspace)?.into_iter().chain(env::split_paths(&inherited));
    let path = env::join_paths(folders).context("The cache folder's name cannot be put on the PATH.")?;
    for folder in [".", "tests/fuzz"] {
        let deny = Process::new("cargo").args(["deny", "--offline", "--log-level", "error", "check"]);
        let deny = deny.args(["licenses", "bans", "sources"]);
        let deny = deny.dir(&workspace.root.join(folder)).env("PATH", &path);
        step(format!("Licences and sources in {folder}"), || deny.check("See deny.toml."))?;
    }
    Ok(ExitCode::SUCCESS)
}
