//! `cargo xtask conformance`: Smolder beside transformers, PEFT and llama.cpp, all on this machine.

use crate::console::{duration, say, sentences, step};
use crate::fetch::{self, Model};
use crate::process::Process;
use crate::summary::Tally;
use crate::workspace::Workspace;
use crate::{referee, vulkan};
use anyhow::Result;
use clap::Args;
use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// What to compare.
#[derive(Args)]
pub struct Options {
    /// Compare the CPU device alone
    #[arg(long)]
    no_gpu: bool,
    /// Leave out whether the committed fixtures are what their scripts make today, which takes most of the time
    #[arg(long)]
    no_fixtures: bool,
    /// Leave out whether training helps, which trains here and in PEFT for a quarter of an hour
    #[arg(long)]
    no_task: bool,
    /// Only the cases whose names start like this
    #[arg(long)]
    only: Option<String>,
}

/// What is in `tests/fixtures`, the cheapest first, and how it is checked.
const FIXTURES: [(&str, &[&str]); 9] = [
    ("the comparison itself", &["test_conformance.py"]),
    ("steps of AdamW, by torch", &["training/adamw.py", "--check"]),
    ("tiny models, by transformers", &["models/make_models.py", "--check"]),
    ("tiny models, by llama.cpp", &["models/check_llama_cpp.py"]),
    ("learning rates, by transformers", &["training/schedules.py", "--check"]),
    ("tiny adapters, by PEFT", &["training/make_training.py", "--check"]),
    ("combined adapters, by PEFT", &["combining/make_combining.py", "--check"]),
    ("SmolLM2, by transformers", &["models/smollm2.py", "--check"]),
    ("SmolLM2's adapters, by PEFT", &["training/smollm2_training.py", "--check"]),
];

/// Runs everything and closes with one line of counts.
pub fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let start = Instant::now();
    let python = referee::ensure(workspace)?;
    let model = fetch::run(workspace, Model::Smollm2)?;
    let smolder = build(workspace)?;
    if !options.no_gpu {
        vulkan::ensure()?;
    }
    let mut total = Tally::default();
    if !options.no_fixtures {
        for (what, script) in FIXTURES {
            total.add(check(workspace, &python, what, script)?);
        }
    }
    if options.only.is_none() {
        total.add(tests(workspace, &model, options)?);
        total.add(adapters(workspace, &python, &model)?);
    }
    if options.only.is_none() && !options.no_task {
        total.add(check(workspace, &python, "that training helps", &["training/task.py", &text(&smolder)])?);
    }
    total.add(compare(workspace, &python, &smolder, options)?);
    total.notes.iter().for_each(|note| say(format!("    {note}")));
    say(format!("    {} in all\n", duration(start.elapsed())));
    say(total.line());
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The program as people get it.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let build = || workspace.cargo("build --release").check("The errors are above.");
    step("Build smolder in release", build)?;
    Ok(workspace.target.join("release").join(format!("smolder{EXE_SUFFIX}")))
}

/// The tests that need SmolLM2's file, beside the terminal's program, so that both share their dependencies.
fn tests(workspace: &Workspace, model: &Path, options: &Options) -> Result<Tally> {
    let tests = "test --release --package smolder --package smolder-tests --test models --test training --no-fail-fast \
                 -- smollm2 --ignored --test-threads 1 --show-output";
    let cargo = workspace.cargo(tests).env("SMOLDER_SMOLLM2", model);
    let cargo = if options.no_gpu { cargo.args(["--skip", "gpu"]) } else { cargo };
    step("Test SmolLM2 and its training", || {
        let finished = cargo.finish()?;
        // What is not of SmolLM2 was not left out.
        let mut tally = Tally { skipped: 0, ..Tally::of_tests(&finished.lines, finished.success) };
        if options.no_gpu {
            tally.add(Tally::skip("SmolLM2's tests on the GPU: --no-gpu"));
        }
        Ok(tally)
    })
}

/// Adapters as the formats write them, in PEFT and in llama.cpp. The example's own dependencies would change burn's
/// features, so it is built alone.
fn adapters(workspace: &Workspace, python: &Path, model: &Path) -> Result<Tally> {
    let example = "build --release --package smolder-formats --example referee";
    step("Build the formats' example", || workspace.cargo(example).check("The errors are above."))?;
    let example = workspace.target.join("release/examples").join(format!("referee{EXE_SUFFIX}"));
    check(
        workspace,
        python,
        "adapters, by PEFT and llama.cpp",
        &["formats/adapters.py", &text(&example), &text(model)],
    )
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Python on a script in `tests/fixtures`, its libraries' warnings left out.
fn script(workspace: &Workspace, python: &Path, arguments: &[&str]) -> Process {
    Process::new(python)
        .dir(&workspace.root.join("tests/fixtures"))
        .env("SMOLDER_CACHE", &workspace.cache)
        .env("PYTHONUNBUFFERED", "1")
        .env("PYTHONWARNINGS", "ignore")
        .env("TQDM_DISABLE", "1")
        .env("TRANSFORMERS_VERBOSITY", "error")
        .env("HF_HUB_OFFLINE", "1")
        .args(arguments)
}

/// One script that compares fixtures with what it computes now.
fn check(workspace: &Workspace, python: &Path, what: &str, arguments: &[&str]) -> Result<Tally> {
    let note = format!("tests/fixtures/{} failed: its output is above.", arguments[0]);
    step(format!("Check {what}"), || {
        Ok(Tally::of_check(script(workspace, python, arguments).finish()?.success, &note))
    })
}

/// Smolder's answers beside the fixtures' and transformers'.
fn compare(workspace: &Workspace, python: &Path, smolder: &Path, options: &Options) -> Result<Tally> {
    let mut process = script(workspace, python, &["conformance.py"]).arg(smolder);
    let mlx = referee::mlx(workspace);
    if let Ok(mlx) = &mlx {
        process = process.arg("--mlx").arg(mlx);
    }
    process = if options.no_gpu { process.arg("--no-gpu") } else { process };
    process = options.only.iter().fold(process, |process, only| process.args(["--only", only]));
    let mut tally = step("Compare smolder", || Ok(Tally::of_closing_line(&process.finish()?.lines)))?;
    if let Err(error) = mlx {
        tally.add(Tally::skip(format!("No comparison with mlx-lm: {}", sentences(&error))));
    }
    Ok(tally)
}
