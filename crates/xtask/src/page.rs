//! The page, built by trunk.

use crate::console::{say, step};
use crate::index;
use crate::lint::linted;
use crate::process::Process;
use crate::stamp;
use crate::toolchain::WASM;
use crate::tools::Tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;

/// What the page is made from, beside the crates.
const INPUTS: [&str; 9] = [
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "Trunk.toml",
    "assets",
    "clippy.toml",
    "index.html",
    "shaders",
    "web",
];
/// Crates that no part of the page depends on.
const NATIVE_ONLY: [&str; 3] = ["bench", "cli", "xtask"];

/// How much effort goes into a build.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// What people get: small.
    Release,
    /// What tests get: soon.
    Dev,
}

impl Quality {
    fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dev => "dev",
        }
    }

    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Release => &["--release", "--cargo-profile", "web"],
            Self::Dev => &[],
        }
    }

    fn folder(self, workspace: &Workspace) -> PathBuf {
        match self {
            Self::Release => workspace.root.join("dist"),
            Self::Dev => workspace.scratch("page-dev"),
        }
    }
}

/// Builds the page unless it is there already, and returns its folder.
pub fn build(workspace: &Workspace, tools: &Tools, quality: Quality) -> Result<PathBuf> {
    let folder = quality.folder(workspace);
    let mark = workspace.scratch(&format!("page-{}.stamp", quality.name()));
    let digest = digest(workspace, tools, quality)?;
    if stamp::read(&mark).as_ref() == Some(&digest) && folder.join("index.html").is_file() {
        say(format!("The {} page is up to date in {}.", quality.name(), folder.display()));
        return Ok(folder);
    }
    let _ = fs::remove_file(&mark);
    step("Downloading crates", || fetch(workspace, tools))?;
    step(format!("Building the {} page", quality.name()), || {
        let index = if tools.wasm_opt { index::ORIGINAL } else { index::without_wasm_opt(workspace)? };
        let trunk = trunk(workspace, tools, "build", &identity(&digest)).args(quality.flags());
        // Compiled as the tests in a worker are, so that they share their crates.
        let trunk = if quality == Quality::Dev { linted(trunk) } else { trunk };
        trunk.arg("--dist").arg(&folder).arg(index).check("The compiler's messages say what to change.")
    })?;
    stamp::write(&mark, &digest)?;
    Ok(folder)
}

/// Trunk doing `task`, for a build that calls itself `identity`.
pub fn trunk(workspace: &Workspace, tools: &Tools, task: &str, identity: &str) -> Process {
    let trunk = tools.equip(workspace.process("trunk")).arg(task);
    // Trunk 0.21 takes the variable for a flag and refuses every value but true and false.
    trunk.without_env("NO_COLOR").env("RUST_BACKTRACE", "0").env("SMOLDER_BUILD", identity)
}

/// Trunk itself works offline, so that it never downloads tools.
pub fn fetch(workspace: &Workspace, tools: &Tools) -> Result<()> {
    let fetch = tools.equip(workspace.cargo("fetch --target")).arg(WASM).silent();
    fetch.check("Check that the crate registry can be reached.").map(drop)
}

/// What app and worker compare to notice that they come from different builds.
fn identity(digest: &str) -> String {
    format!("{}-{}", env!("CARGO_PKG_VERSION"), &digest[..8])
}

fn digest(workspace: &Workspace, tools: &Tools, quality: Quality) -> Result<String> {
    let mut inputs = INPUTS.map(str::to_owned).to_vec();
    for entry in fs::read_dir(workspace.root.join("crates")).context("There is no folder `crates`.")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !NATIVE_ONLY.contains(&name.as_str()) {
            inputs.push(format!("crates/{name}"));
        }
    }
    inputs.sort();
    stamp::digest(&workspace.root, &inputs, &[&tools.identity(), &quality.flags().join(" ")])
}
