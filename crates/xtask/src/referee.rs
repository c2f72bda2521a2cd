//! The Python libraries that Smolder is compared with, in a virtual environment of their own.

use crate::console::step;
use crate::process::Process;
use crate::stamp;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

const REQUIREMENTS: &str = "tests/fixtures/requirements.txt";
const PYTHON: &str = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };

/// The environment's Python, made anew when the requirements have changed.
pub fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.tool("referee");
    let (python, mark) = (folder.join(PYTHON), folder.join("finished"));
    let wanted = stamp::digest(&workspace.root, &[REQUIREMENTS], &[])?;
    if stamp::read(&mark).as_ref() != Some(&wanted) {
        step("Install torch, transformers, PEFT and llama.cpp (once, 6 GB)", || {
            install(&folder, &python, &workspace.root.join(REQUIREMENTS))
        })?;
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
        .check("Check that pip's index can be reached, and that there are 6 GB of disk.")
        .map(drop)
}
