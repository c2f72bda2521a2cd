//! What `cargo xtask test` runs, the cheapest first.

use crate::lint::linted;
use crate::page::{self, Quality};
use crate::process::Process;
use crate::summary::Tally;
use crate::test::Context;
use crate::toolchain::WASM;
use crate::{apt, browser, fuzz, serve, vulkan};
use anyhow::{Context as _, Result};
use std::env;

/// A suite: its name and what it does.
pub type Suite = (&'static str, fn(&Context) -> Result<Tally>);

/// All suites in their order.
pub const ALL: [Suite; 9] = [
    ("format", format),
    ("build and clippy, native", build_native),
    ("tests, xtask", tests_xtask),
    ("build and clippy, wasm", build_wasm),
    ("tests, native", tests_native),
    ("fuzzing", fuzzing),
    ("tests, page", tests_page),
    ("tests in a browser worker", tests_worker),
    ("the page in a browser", end_to_end),
];

/// All that compiles for the machine itself, apart from what would change which features burn is compiled with.
const NATIVE: &str =
    "--workspace --exclude smolder-app --exclude smolder-worker --exclude smolder-e2e --exclude xtask";
/// The page's own logic; Leptos would change what burn is compiled with.
const PAGE: &str = "test --package smolder-app --lib";
const END_TO_END: &str = "test --package smolder-e2e";

fn format(context: &Context) -> Result<Tally> {
    let mut tally = Tally::default();
    for folder in [".", "tests/fuzz"] {
        let format = context.workspace.cargo("fmt --all --check -- --color never");
        let advice = format!("Run `cargo fmt --all` in {folder}.");
        tally.add(check(format.dir(&context.workspace.root.join(folder)), &advice)?);
    }
    Ok(tally)
}

/// Programs and tests together: apart, they would want burn with different features.
fn build_native(context: &Context) -> Result<Tally> {
    let cargo = |command: &str| context.workspace.cargo(command);
    let all =
        [cargo(&format!("build {NATIVE}")), xtask(context, "build")].map(|build| build.arg("--all-targets"));
    let tests = [PAGE, END_TO_END].map(|test| cargo(test).arg("--no-run"));
    let mut tally = Tally::default();
    for step in all.into_iter().chain(tests) {
        tally.add(build(step)?);
    }
    Ok(tally)
}

fn build_wasm(context: &Context) -> Result<Tally> {
    let mut tally = build(worker_tests(context)?.arg("--no-run"))?;
    page::build(context.workspace, context.tools()?, Quality::Dev)?;
    tally.add(Tally::of_check(true, ""));
    Ok(tally)
}

fn build(step: Process) -> Result<Tally> {
    check(linted(step), "Change what the compiler or clippy (`rustup component add clippy`) says above.")
}

/// `task` for xtask itself, where and how `cargo xtask` compiled it, so that its dependencies are there.
fn xtask(context: &Context, task: &str) -> Process {
    let cargo = Process::new("cargo").args([task, "--profile", "xtask", "--package", "xtask"]);
    cargo.dir(&context.workspace.root)
}

fn tests_xtask(context: &Context) -> Result<Tally> {
    tests(linted(xtask(context, "test")))
}

fn tests_native(context: &Context) -> Result<Tally> {
    let driver = if context.options.no_gpu { Ok(()) } else { vulkan::ensure() };
    let gpu = !context.options.no_gpu && driver.is_ok();
    let test =
        linted(context.workspace.cargo(&format!("test {NATIVE}"))).arg("--no-fail-fast").args(selection(gpu));
    // Random changes to the fuzz targets' corpus: for long only where libFuzzer cannot take over.
    let changing = if fuzz::has_compiler() { "1" } else { fuzz::SECONDS };
    let mut tally = tests(test.env("SMOLDER_FUZZ_SECONDS", changing))?;
    if let Err(error) = driver {
        tally.add(Tally::failure(crate::console::sentences(&error)));
    }
    Ok(noting_choices(tally, context))
}

fn fuzzing(context: &Context) -> Result<Tally> {
    if cfg!(windows) {
        return Ok(Tally::skip(
            "libFuzzer is not on Windows: the native tests tried random changes instead.",
        ));
    }
    if !fuzz::has_compiler() {
        apt::install(&["g++"]).context("libFuzzer needs a C++ compiler.")?;
    }
    fuzz::run(context.workspace)
}

fn tests_page(context: &Context) -> Result<Tally> {
    tests(linted(context.workspace.cargo(PAGE)))
}

/// The tests of what the worker does, compiled for it.
fn worker_tests(context: &Context) -> Result<Process> {
    let command = format!("test --package smolder-tests --target {WASM} --no-fail-fast");
    Ok(linted(context.tools()?.equip(context.workspace.cargo(&command))))
}

fn tests_worker(context: &Context) -> Result<Tally> {
    if context.options.no_browser {
        return Ok(Tally::skip("--no-browser"));
    }
    let driver = browser::ensure()?;
    let test = worker_tests(context)?.args(selection(true));
    let tally = tests(
        test.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "wasm-bindgen-test-runner")
            .env("WASM_BINDGEN_TEST_TIMEOUT", "2700")
            .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60")
            .env("RUST_BACKTRACE", "0")
            .env("CHROMEDRIVER", driver),
    )?;
    Ok(noting_choices(tally, context))
}

fn end_to_end(context: &Context) -> Result<Tally> {
    if context.options.no_browser {
        return Ok(Tally::skip("--no-browser"));
    }
    let driver = browser::ensure()?;
    let folder = page::build(context.workspace, context.tools()?, Quality::Dev)?;
    let url = serve::background(folder)?;
    let test = linted(context.workspace.cargo(END_TO_END));
    let program = context.workspace.target.join("debug").join(format!("smolder{}", env::consts::EXE_SUFFIX));
    tests(test.env("SMOLDER_URL", url).env("SMOLDER_CLI", program).env("CHROMEDRIVER", driver))
}

/// Adds that the GPU's tests were left out by choice: among the skipped their number alone says nothing.
fn noting_choices(mut tally: Tally, context: &Context) -> Tally {
    if context.options.no_gpu {
        tally.notes.push("--no-gpu".to_owned());
    }
    tally
}

/// Arguments that leave the GPU's tests out: those with a module `gpu` in their path.
fn selection(gpu: bool) -> &'static [&'static str] {
    if gpu { &[] } else { &["--", "--skip", "gpu::"] }
}

fn check(process: Process, advice: &str) -> Result<Tally> {
    Ok(Tally::of_check(process.finish()?.success, advice))
}

fn tests(process: Process) -> Result<Tally> {
    let finished = process.finish()?;
    Ok(Tally::of_tests(&finished.lines, finished.success))
}
