//! The Python libraries that Smolder is compared with, in virtual environments of their own.

use crate::console::step;
use crate::process::Process;
use crate::stamp;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

const PYTHON: &str = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };

/// An environment's Python, made anew when the requirements have changed.
pub fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let what = "torch, transformers, PEFT and llama.cpp (once, 6 GB)";
    environment(workspace, "referee", "tests/fixtures/requirements.txt", what)
}

/// The same with mlx-lm, which is not there for every system.
pub fn mlx(workspace: &Workspace) -> Result<PathBuf> {
    environment(workspace, "referee-mlx", "tests/fixtures/requirements-mlx.txt", "mlx-lm (once, 0.4 GB)")
}

fn environment(workspace: &Workspace, tool: &str, requirements: &str, what: &str) -> Result<PathBuf> {
    let folder = workspace.tool(tool);
    let (python, mark) = (folder.join(PYTHON), folder.join("finished"));
    let wanted = stamp::digest(&workspace.root, &[requirements], &[])?;
    if stamp::read(&mark).as_ref() != Some(&wanted) {
        step(format!("Install {what}"), || install(&folder, &python, &workspace.root.join(requirements)))?;
        stamp::write(&mark, &wanted)?;
    }
    Ok(python)
}

fn install(folder: &Path, python: &Path, requirements: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed.", folder.display()))?;
    }
    let make = Process::new("python3").args(["-m", "venv"]).arg(folder).silent();
    make.check("Is Python's venv there? On Debian: `apt-get install python3-venv`.")?;
    let pip =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "-r"];
    Process::new(python)
        .args(pip)
        .arg(requirements)
        .silent()
        .check("Check that pip's index can be reached, and that there is room on the disk.")
        .map(drop)
}
