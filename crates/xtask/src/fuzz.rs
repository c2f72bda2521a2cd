//! The fuzz targets under libFuzzer: what `cargo fuzz run` does, without a nightly compiler and its sanitizers.

use crate::console::say;
use crate::lint::linted;
use crate::process::{Finished, Process};
use crate::summary::Tally;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

/// How long each target runs.
pub const SECONDS: &str = "20";
/// How long one input may take: a second, and what waiting for a busy machine may add.
const INPUT_SECONDS: &str = "10";
const TARGETS: [&str; 5] = ["gguf", "safetensors", "template", "dataset", "adapter"];
/// What tells libFuzzer which code an input reaches, as cargo-fuzz sets it.
const COVERAGE: &str = "--cfg fuzzing -Cdebug-assertions -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Whether there is what compiles libFuzzer.
pub fn has_compiler() -> bool {
    let compiler = env::var_os("CXX").unwrap_or_else(|| "c++".into());
    Process::new(compiler).arg("--version").first_line().is_some()
}

/// Builds all targets and runs them beside each other, from the committed corpus on.
pub fn run(workspace: &Workspace) -> Result<Tally> {
    let programs = build(workspace)?;
    let mut tally = Tally::default();
    for fuzzed in at_once(&TARGETS, |target| fuzz(workspace, &programs, target)) {
        tally.add(fuzzed?);
    }
    Ok(tally)
}

/// `work` on every target, each in its thread; what a thread that panics was at is lost, and said.
fn at_once<T: Send>(targets: &[&str], work: impl Fn(&str) -> Result<T> + Sync) -> Vec<Result<T>> {
    thread::scope(|scope| {
        let threads: Vec<_> = targets.iter().map(|target| scope.spawn(|| work(target))).collect();
        threads
            .into_iter()
            .map(|one| one.join().unwrap_or_else(|_| bail!("A fuzzing thread panicked.")))
            .collect()
    })
}

/// Compiles the targets; returns the folder that they are in.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let host = Process::new("rustc").args(["--print", "host-tuple"]).first_line();
    let host = host.context("rustc does not say what machine this is.")?;
    let folder = workspace.target.join("fuzz");
    // With a target named, build scripts and macros are compiled without the flags.
    linted(Process::new("cargo"))
        .args(["build", "--release", "--bins", "--target", &host])
        .dir(&workspace.root.join("tests/fuzz"))
        .env("CARGO_TARGET_DIR", &folder)
        .env("RUSTFLAGS", COVERAGE)
        // Compiling better takes longer than the targets run.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .check("Check that the crate registry can be reached.")?;
    Ok(folder.join(host).join("release"))
}

fn fuzz(workspace: &Workspace, programs: &Path, target: &str) -> Result<Tally> {
    let scratch = workspace.scratch("fuzz").join(target);
    let _ = fs::remove_dir_all(&scratch);
    let (found, refused) = (scratch.join("corpus"), scratch.join("refused"));
    for folder in [&found, &refused] {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be written.", folder.display()))?;
    }
    let finished = Process::new(programs.join(target))
        .args([&found, &workspace.root.join("tests/fuzz/corpus").join(target)])
        .arg(format!("-max_total_time={SECONDS}"))
        .arg(format!("-timeout={INPUT_SECONDS}"))
        .arg(format!("-artifact_prefix={}/", refused.display()))
        .args(["-max_len=65536", "-rss_limit_mb=256", "-print_final_stats=1"])
        .silent()
        .finish()?;
    Ok(judge(target, &finished, &refused))
}

/// One test a target: it ran inputs to the end of its time.
fn judge(target: &str, finished: &Finished, refused: &Path) -> Tally {
    let executions = executions(&finished.lines);
    if finished.success && executions > 0 {
        say(format!("    {target}: {executions} executions in {SECONDS} s"));
        return Tally { passed: 1, ..Tally::default() };
    }
    finished.last_words().for_each(|line| say(format!("    {line}")));
    Tally::failure(format!("{target}: an input fails, hangs or takes too much memory: {}", refused.display()))
}

/// The number behind `stat::number_of_executed_units:`.
fn executions(lines: &[String]) -> u64 {
    let counts = lines.iter().filter_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    counts.filter_map(|count| count.trim().parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(success: bool, lines: &[&str]) -> Tally {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        judge("gguf", &Finished { success, lines }, Path::new("somewhere"))
    }

    #[test]
    fn a_target_passes_that_ran_inputs_to_the_end() {
        let stat = "stat::number_of_executed_units: 6391";
        assert_eq!(
            of(true, &["Done 6391 runs in 21 second(s)", stat]).line(),
            "1 passed, 0 failed, 0 skipped"
        );
        for (success, lines) in [
            (false, &["==1== ERROR: libFuzzer: timeout after 6 seconds", stat][..]),
            (true, &["stat::number_of_executed_units: 0"]),
            (true, &[]),
        ] {
            let tally = of(success, lines);
            assert_eq!((tally.failed, tally.passed), (1, 0), "{lines:?}");
            assert!(tally.notes[0].contains("gguf") && tally.notes[0].contains("somewhere"));
        }
    }

    #[test]
    fn every_target_has_its_corpus() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz");
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
        for target in TARGETS {
            assert!(manifest.contains(&format!("name = \"{target}\"")), "{target}");
            assert!(fs::read_dir(fuzz.join("corpus").join(target)).unwrap().count() >= 2, "{target}");
        }
    }
}
