//! Clippy as the compiler.

use crate::process::Process;

/// "-D warnings" in the form in which `cargo clippy` hands it to clippy's driver.
const DENY_WARNINGS: &str = "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__";

/// Lets clippy compile the workspace's own crates, as `cargo clippy` does, and refuse what it warns of. What it
/// made is what the tests run: `cargo clippy` itself would have all dependencies read once more, for nothing.
pub fn linted(cargo: Process) -> Process {
    cargo.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver").env("CLIPPY_ARGS", DENY_WARNINGS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::{Path, PathBuf};

    /// A package in a folder of its own, which outlives the test for the next one's sake.
    fn package(name: &str, code: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/lint").join(name);
        fs::create_dir_all(folder.join("src")).unwrap();
        let manifest = format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n[workspace]\n");
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::write(folder.join("src/main.rs"), code).unwrap();
        folder
    }

    fn build(folder: &Path) -> Process {
        Process::new("cargo")
            .args(["run", "--offline"])
            .dir(folder)
            .without_env("CARGO_TARGET_DIR")
            .without_env("RUSTC_WORKSPACE_WRAPPER")
            .silent()
    }

    #[test]
    fn what_clippy_warns_of_is_refused() {
        let folder = package("warned", "fn main() { print!(\"{}\", String::new().len() == 0); }");
        assert!(build(&folder).finish().unwrap().success);
        let refused = linted(build(&folder)).finish().unwrap();
        assert!(!refused.success);
        assert!(refused.lines.iter().any(|line| line.contains("clippy::len-zero")), "{:?}", refused.lines);
    }

    #[test]
    fn what_it_made_runs() {
        let folder = package("clean", "fn main() { println!(\"it runs\"); }");
        let finished = linted(build(&folder)).finish().unwrap();
        assert_eq!(finished.lines.last().map(String::as_str), Some("it runs"), "{:?}", finished.lines);
    }
}
