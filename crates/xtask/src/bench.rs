//! `cargo xtask bench`: speed and memory on this machine, beside llama.cpp, transformers and PEFT.

use crate::console::step;
use crate::fetch::{self, Model};
use crate::process::Process;
use crate::workspace::Workspace;
use crate::{referee, vulkan};
use anyhow::{Result, bail};
use clap::Args;
use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to measure.
#[derive(Args)]
pub struct Options {
    /// Write the numbers to this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// Say what became of the numbers in this file
    #[arg(long)]
    compare: Option<PathBuf>,
    /// A GGUF file instead of SmolLM2's; without rivals, which know that one alone
    #[arg(long)]
    model: Option<PathBuf>,
    /// cpu or gpu; both unless said
    #[arg(long)]
    device: Vec<String>,
    /// kernels, generate or train; everything unless said
    #[arg(long)]
    only: Vec<String>,
    /// The same as --only train
    #[arg(long, conflicts_with = "only")]
    train: bool,
    /// Kernels at the sizes of these models alone: smollm2-135m, qwen2.5-0.5b, llama-3.2-1b
    #[arg(long)]
    sizes: Vec<String>,
    /// Threads of the CPU device and its rivals; all unless said
    #[arg(long)]
    threads: Option<usize>,
    /// Leave out llama.cpp, transformers and PEFT
    #[arg(long)]
    no_rivals: bool,
}

impl Options {
    /// The parts to measure; none for all.
    fn parts(&self) -> Vec<String> {
        if self.train { vec!["train".to_owned()] } else { self.only.clone() }
    }

    /// Whether something with this name is wanted of these.
    fn wants(names: &[String], name: &str) -> bool {
        names.is_empty() || names.iter().any(|one| one == name)
    }
}

/// Builds the program in release and runs it.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    if Options::wants(&options.device, "gpu") {
        vulkan::ensure()?;
    }
    let model = model(workspace, options)?;
    let rivals = options.model.is_none()
        && !options.no_rivals
        && ["generate", "train"].iter().any(|part| Options::wants(&options.parts(), part))
        && Options::wants(&options.device, "cpu");
    let python = if rivals { Some(referee::ensure(workspace)?) } else { None };
    let program = build(workspace)?;
    let done = command(workspace, options, &program, &model, python.as_deref()).finish()?;
    Ok(if done.success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// SmolLM2, or what was asked for. The program is not run where the person stands.
fn model(workspace: &Workspace, options: &Options) -> Result<PathBuf> {
    match &options.model {
        None => fetch::run(workspace, Model::Smollm2),
        Some(path) if path.is_file() => Ok(std::path::absolute(path)?),
        Some(path) => bail!("{} is no file.", path.display()),
    }
}

/// Beside the terminal's program, so that both share their dependencies.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let build = || {
        let packages = "build --release --package smolder --package smolder-bench";
        workspace.cargo(packages).check("The errors are above.")
    };
    step("Build the benchmarks in release", build)?;
    Ok(workspace.target.join("release").join(format!("smolder-bench{EXE_SUFFIX}")))
}

fn command(
    workspace: &Workspace,
    options: &Options,
    program: &Path,
    model: &Path,
    python: Option<&Path>,
) -> Process {
    let mut process = Process::new(program)
        .arg("--model")
        .arg(model)
        .arg("--build")
        .arg(commit(workspace))
        .env("SMOLDER_CACHE", &workspace.cache)
        .env("HF_HUB_OFFLINE", "1")
        .env("PYTHONWARNINGS", "ignore");
    let parts = options.parts();
    let lists = [("--device", &options.device), ("--only", &parts), ("--sizes", &options.sizes)];
    for (flag, values) in lists {
        process = values.iter().fold(process, |process, value| process.args([flag, value]));
    }
    for (flag, path) in [("--json", &options.json), ("--compare", &options.compare)] {
        process = path.iter().fold(process, |process, path| process.arg(flag).arg(path));
    }
    if let Some(threads) = options.threads {
        process = process.args(["--threads", &threads.to_string()]);
    }
    let script = workspace.root.join("tests/fixtures/models/speed.py");
    python.into_iter().fold(process, |process, python| process.arg("--rivals").arg(python).arg(&script))
}

/// The commit that is measured; the version where there is no git.
fn commit(workspace: &Workspace) -> String {
    let describe = workspace.process("git").args(["describe", "--always", "--dirty"]);
    describe.first_line().unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned())
}
