//! wasm-opt, which makes wasm smaller, from the binaryen package.

use crate::console::step;
use crate::process::Process;
use crate::tools::installed;
use crate::version::Version;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

const PACKAGE: &str = "binaryen@132.0.0";
const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };
const PROGRAM: &str = if cfg!(windows) { "wasm-opt.cmd" } else { "wasm-opt" };

/// The folder with wasm-opt, installing it if need be; `None` where the PATH has a good one.
pub fn ensure(workspace: &Workspace) -> Result<Option<PathBuf>> {
    if is_in(None) {
        return Ok(None);
    }
    let folder = workspace.tool(&PACKAGE.replace('@', "-"));
    let programs = folder.join("node_modules").join(".bin");
    if !is_in(Some(&programs)) {
        if Process::new(NPM).arg("--version").first_line().is_none() {
            bail!("Install Node.js with npm, or binaryen 120 or newer.");
        }
        step("Installing wasm-opt with npm", || install(&folder))?;
    }
    Ok(Some(programs))
}

/// Older versions break the output of a current wasm-bindgen without a word: the page stays blank.
fn is_in(folder: Option<&Path>) -> bool {
    installed(folder, PROGRAM).is_some_and(|version| version >= Version::from([120]))
}

fn install(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let npm = Process::new(NPM).args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(folder);
    npm.arg(PACKAGE).silent().check("Check that the npm registry can be reached.").map(drop)
}
