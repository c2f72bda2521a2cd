//! The programs that make the page: trunk, wasm-bindgen and wasm-opt.
//!
//! What is on the PATH in the right version is used; the rest is installed into the cache, once.

use crate::console::{say, sentences, step};
use crate::process::Process;
use crate::toolchain::{self, Toolchain};
use crate::version::{Version, locked};
use crate::wasm_opt;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// All that is needed to build for the browser.
pub struct Tools {
    toolchain: Toolchain,
    path: OsString,
    /// Whether there is a usable wasm-opt.
    pub wasm_opt: bool,
}

impl Tools {
    /// Lets `process` find the tools and compile for wasm.
    pub fn equip(&self, process: Process) -> Process {
        let process = process.env("PATH", &self.path);
        match self.toolchain {
            Some(name) => process.env("RUSTUP_TOOLCHAIN", name),
            None => process,
        }
    }

    /// Names and versions of what makes the page: one that others made is stale.
    pub fn identity(&self) -> String {
        let version = |program| self.equip(Process::new(program)).arg("--version").first_line();
        let optimizer = self.wasm_opt.then(|| version("wasm-opt")).flatten();
        format!("{:?}", [version("rustc"), version("trunk"), version("wasm-bindgen"), optimizer])
    }
}

/// Finds or installs everything.
pub fn setup(workspace: &Workspace) -> Result<Tools> {
    let toolchain = toolchain::ensure(workspace)?;
    let lockfile =
        fs::read_to_string(workspace.root.join("Cargo.lock")).context("There is no Cargo.lock.")?;
    let bindgen = locked(&lockfile, "wasm-bindgen").context("Cargo.lock names no wasm-bindgen.")?;
    let mut folders = Vec::new();
    folders.extend(trunk().ensure(workspace)?);
    folders.extend(wasm_bindgen(bindgen).ensure(workspace)?);
    let optimizer = wasm_opt::ensure(workspace).inspect_err(|error| {
        say(format!("The page will be larger than it could be, without wasm-opt. {}", sentences(error)));
    });
    let wasm_opt = optimizer.is_ok();
    folders.extend(optimizer.ok().flatten());
    let inherited = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(folders.into_iter().chain(env::split_paths(&inherited)));
    let path = path.context("The cache folder's name cannot be put on the PATH.")?;
    Ok(Tools { toolchain, path, wasm_opt })
}

/// A tool that cargo installs.
struct CargoTool {
    package: &'static str,
    programs: &'static [&'static str],
    version: Version,
    flags: &'static [&'static str],
    /// How well it is compiled: the tools run for seconds, so a short build matters more than a fast tool.
    opt_level: &'static str,
    /// Whether a version found serves where `version` is wanted.
    accepts: fn(found: &Version, wanted: &Version) -> bool,
}

fn trunk() -> CargoTool {
    CargoTool {
        package: "trunk",
        programs: &["trunk"],
        version: Version::from([0, 21, 14]),
        flags: &["--locked", "--no-default-features"],
        opt_level: "0",
        accepts: Version::serves,
    }
}

/// The library and its tool speak a format that changes with every version.
fn wasm_bindgen(version: Version) -> CargoTool {
    CargoTool {
        package: "wasm-bindgen-cli",
        programs: &["wasm-bindgen", "wasm-bindgen-test-runner"],
        version,
        flags: &[],
        opt_level: "1",
        accepts: PartialEq::eq,
    }
}

/// The folder with cargo-deny, installing it if need be; `None` where the PATH has it.
pub fn deny(workspace: &Workspace) -> Result<Option<PathBuf>> {
    CargoTool {
        package: "cargo-deny",
        programs: &["cargo-deny"],
        version: Version::from([0, 20, 2]),
        flags: &["--locked", "--no-default-features"],
        opt_level: "0",
        accepts: Version::serves,
    }
    .ensure(workspace)
}

impl CargoTool {
    /// The folder with the tool, installing it if need be; `None` where the PATH has it.
    fn ensure(&self, workspace: &Workspace) -> Result<Option<PathBuf>> {
        if self.is_in(None) {
            return Ok(None);
        }
        let folder = workspace.tool(&format!("{}-{}", self.package, self.version));
        let programs = folder.join("bin");
        if !self.is_in(Some(&programs)) {
            let what = format!("Compiling {} {} (once, some minutes)", self.package, self.version);
            step(what, || self.install(workspace, &folder))?;
        }
        Ok(Some(programs))
    }

    /// Whether all programs of the tool are in `folder`, or on the PATH.
    fn is_in(&self, folder: Option<&Path>) -> bool {
        self.programs.iter().all(|program| {
            installed(folder, program).is_some_and(|found| (self.accepts)(&found, &self.version))
        })
    }

    /// Compiles the tool.
    fn install(&self, workspace: &Workspace, folder: &Path) -> Result<()> {
        let (version, build) = (format!("={}", self.version), workspace.tool("build"));
        Process::new("cargo")
            .args(["install", "--force", self.package, "--version", &version])
            .args(self.flags)
            .arg("--root")
            .arg(folder)
            .env("CARGO_TARGET_DIR", &build)
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", self.opt_level)
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .silent()
            .check("Check that the crate registry can be reached, and that a C compiler is installed.")?;
        // Over a gigabyte that nothing will ask for again.
        let _ = fs::remove_dir_all(build);
        Ok(())
    }
}

/// The version of a program in `folder`, or on the PATH.
pub fn installed(folder: Option<&Path>, program: &str) -> Option<Version> {
    let program = folder.map_or(PathBuf::from(program), |folder| folder.join(program));
    Version::find(&Process::new(program).arg("--version").first_line()?)
}
