//! What `cargo xtask test` runs, the cheapest first.

use crate::page::{self, Quality};
use crate::process::Process;
use crate::summary::Tally;
use crate::test::Context;
use crate::toolchain::WASM;
use crate::{browser, fuzz, serve, vulkan};
use anyhow::Result;

/// A suite: its name and what it does.
pub type Suite = (&'static str, fn(&Context) -> Result<Tally>);

/// All suites in their order.
pub const ALL: [Suite; 10] = [
    ("format", format),
    ("clippy, native", clippy_native),
    ("tests, xtask", tests_xtask),
    ("clippy, wasm", clippy_wasm),
    ("licences and sources", licences),
    ("tests, native", tests_native),
    ("fuzzing", fuzzing),
    ("tests, page", tests_page),
    ("tests in a browser worker", tests_wasm),
    ("the page in a browser", end_to_end),
];

/// What compiles for the machine itself. Every native step names the same packages, so that cargo unifies
/// their features in the same way and compiles dependencies once.
const NATIVE: &str = "--workspace --exclude smolder-app --exclude smolder-worker";
/// What compiles for the browser.
const WEB: &str = "--workspace --exclude smolder --exclude smolder-e2e --exclude xtask";

fn format(context: &Context) -> Result<Tally> {
    check(context.workspace.cargo("fmt --all --check -- --color never"), "Run `cargo fmt --all`.")
}

fn clippy_native(context: &Context) -> Result<Tally> {
    let clippy = context.workspace.cargo(&format!("clippy {NATIVE} --all-targets -- -D warnings"));
    check(clippy, "Change what clippy says above.")
}

fn clippy_wasm(context: &Context) -> Result<Tally> {
    let command = format!("clippy {WEB} --target {WASM} --all-targets -- -D warnings");
    check(context.tools()?.equip(context.workspace.cargo(&command)), "Change what clippy says above.")
}

/// xtask's own tests, where and how `cargo xtask` compiled it, so that its dependencies are there.
fn tests_xtask(context: &Context) -> Result<Tally> {
    let test = Process::new("cargo").args(["test", "--profile", "xtask", "--package", "xtask"]);
    tests(test.dir(&context.workspace.root))
}

/// Advisories are left to a machine with the network: their list is not in a registry.
fn licences(context: &Context) -> Result<Tally> {
    if context.workspace.cargo("deny --version").first_line().is_none() {
        return Ok(Tally::skip(
            "cargo-deny is not installed: `cargo install --locked cargo-deny` if you change dependencies.",
        ));
    }
    let deny = context.workspace.cargo("deny --offline --log-level error check licenses bans sources");
    check(deny, "See deny.toml.")
}

fn tests_native(context: &Context) -> Result<Tally> {
    let driver = if context.options.no_gpu { Ok(()) } else { vulkan::ensure() };
    let gpu = !context.options.no_gpu && driver.is_ok();
    let command =
        format!("test {NATIVE} --exclude smolder-e2e --exclude xtask --no-fail-fast{}", selection(gpu));
    // Random changes to the fuzz targets' corpus: for long only where libFuzzer cannot take over.
    let changing = if fuzz::has_compiler() { "1" } else { fuzz::SECONDS };
    let mut tally = tests(context.workspace.cargo(&command).env("SMOLDER_FUZZ_SECONDS", changing))?;
    if let Err(error) = driver {
        tally.add(Tally::failure(crate::console::sentences(&error)));
    }
    Ok(noting_choices(tally, context))
}

fn fuzzing(context: &Context) -> Result<Tally> {
    if fuzz::has_compiler() {
        return fuzz::run(context.workspace);
    }
    Ok(Tally::skip(
        "libFuzzer needs a C++ compiler: the native tests tried random changes for as long instead.",
    ))
}

/// The page's own logic, natively; apart from the others because Leptos would change what burn is compiled with.
fn tests_page(context: &Context) -> Result<Tally> {
    tests(context.workspace.cargo("test --package smolder-app --lib"))
}

fn tests_wasm(context: &Context) -> Result<Tally> {
    if context.options.no_browser {
        return Ok(Tally::skip("--no-browser"));
    }
    let gpu = !context.options.no_gpu;
    let command = format!("test --package smolder-tests --target {WASM} --no-fail-fast{}", selection(gpu));
    let driver = browser::ensure()?;
    let test = context.tools()?.equip(context.workspace.cargo(&command));
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
    let test = context.workspace.cargo("test --package smolder-e2e");
    tests(test.env("SMOLDER_URL", url).env("CHROMEDRIVER", driver))
}

/// Adds that the GPU's tests were left out by choice: among the skipped their number alone says nothing.
fn noting_choices(mut tally: Tally, context: &Context) -> Tally {
    if context.options.no_gpu {
        tally.notes.push("--no-gpu".to_owned());
    }
    tally
}

/// Arguments that leave the GPU's tests out: those with a module `gpu` in their path.
fn selection(gpu: bool) -> &'static str {
    if gpu { "" } else { " -- --skip gpu::" }
}

fn check(process: Process, advice: &str) -> Result<Tally> {
    Ok(Tally::of_check(process.finish()?.success, advice))
}

fn tests(process: Process) -> Result<Tally> {
    let finished = process.finish()?;
    Ok(Tally::of_tests(&finished.lines, finished.success))
}
