//! The wasm target from Debian's packages, for machines that reach Debian but not Rust's own servers.
//!
//! Debian builds a current rustc for its browsers (`rustc-web`). Its packages conflict with rustup's, so they
//! are unpacked into the cache, completed with rustup's cargo and linker, and linked as a toolchain of their
//! own. Debian ships no standard library for wasm, so that is compiled here from Debian's sources.

use crate::apt;
use crate::console::step;
use crate::process::Process;
use crate::toolchain::WASM;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// The toolchain's name in rustup.
pub const NAME: &str = "smolder-wasm";

const PACKAGES: [&str; 4] = ["rustc-web", "rust-web-clippy", "rust-web-src", "libstd-rust-web-dev"];

/// Whether an earlier run has finished the toolchain, and rustup still knows it.
pub fn is_ready(workspace: &Workspace) -> bool {
    let linked = || Process::new("rustc").args([&format!("+{NAME}"), "-V"]).first_line().is_some();
    finished_mark(workspace).is_file() && linked()
}

/// Makes the toolchain from nothing.
pub fn lay_out(workspace: &Workspace) -> Result<()> {
    if !apt::present() {
        bail!("There is no other source of the {WASM} target for this system.");
    }
    let dir = workspace.cache.join("rust-wasm");
    let packages = dir.join("packages");
    step("Making a wasm toolchain from Debian's packages", || {
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&packages).with_context(|| format!("{} cannot be made.", packages.display()))?;
        unpack(&packages)?;
        assemble(&packages, &dir).context("Debian's packages are not laid out as expected.")?;
        let link = Process::new("rustup").args(["toolchain", "link", NAME]).args([&dir]).silent();
        link.check("rustup is needed: see https://rustup.rs.")?;
        build_std(&packages, &dir)?;
        fs::remove_dir_all(&packages)?;
        Ok(fs::write(finished_mark(workspace), "")?)
    })
}

fn finished_mark(workspace: &Workspace) -> PathBuf {
    workspace.cache.join("rust-wasm/finished")
}

/// Downloads the packages and unpacks them, without installing them, into `dir`.
fn unpack(dir: &Path) -> Result<()> {
    if Process::new("apt-cache").args(["show", PACKAGES[0]]).first_line().is_none() {
        apt::update();
    }
    let depends = apt::dependencies(PACKAGES[1])?;
    let library = depends.iter().find(|name| name.starts_with("libstd-rust-web-"));
    let library = library.context("Debian's rust-web-clippy names no libstd-rust-web.")?;
    let llvm = apt::dependencies(library)?.into_iter().find(|name| name.starts_with("libllvm"));
    apt::install(&[&llvm.context("Debian's rustc-web names no LLVM.")?])?;
    let advice = "Check that Debian's servers can be reached.";
    Process::new("apt-get").arg("download").args(PACKAGES).arg(library).dir(dir).silent().check(advice)?;
    for package in files(dir)? {
        Process::new("dpkg").arg("-x").arg(package).arg(".").dir(dir).silent().check("")?;
    }
    Ok(())
}

/// Lays the unpacked files out as rustup expects a toolchain, with rustup's own cargo and linker.
fn assemble(packages: &Path, dir: &Path) -> Result<()> {
    let own = PathBuf::from(line(Process::new("rustc").args(["--print", "sysroot"]))?);
    let host = host()?;
    let (usr, lib) = (packages.join("usr"), dir.join("lib"));
    fs::create_dir_all(&lib)?;
    fs::rename(usr.join("bin"), dir.join("bin"))?;
    fs::rename(usr.join("lib/rustlib"), lib.join("rustlib"))?;
    let libraries = usr.join("lib").join(host.replace("unknown-", ""));
    for library in files(&libraries)? {
        let name = library.file_name().context("A library has no name.")?.to_owned();
        fs::rename(&library, lib.join(name))?;
    }
    let _ = fs::remove_file(lib.join("rustlib/src"));
    link(&own.join("bin/cargo"), &dir.join("bin/cargo"))?;
    link(&own.join("lib/rustlib").join(&host).join("bin"), &lib.join("rustlib").join(&host).join("bin"))
}

/// Compiles the standard library for wasm and puts it where the compiler looks.
fn build_std(packages: &Path, dir: &Path) -> Result<()> {
    let source = files(&packages.join("usr/src"))?.into_iter().find(|path| path.join("library").is_dir());
    let source = source.context("Debian's rust-web-src holds no library.")?.join("library");
    let cargo =
        Process::new("cargo").arg(format!("+{NAME}")).args(["build", "--locked", "--profile", "dist"]);
    cargo
        .args(["--target", WASM, "--manifest-path", "sysroot/Cargo.toml", "--target-dir", "target"])
        .dir(&source)
        .without_env("RUSTUP_TOOLCHAIN")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zforce-unstable-if-unmarked")
        .silent()
        .check("Compiling Rust's standard library for wasm needs 2 GB of memory and of disk.")?;
    let installed = dir.join("lib/rustlib").join(WASM).join("lib");
    fs::create_dir_all(&installed)?;
    for file in files(&source.join("target").join(WASM).join("dist/deps"))? {
        let name = file.file_name().context("A library has no name.")?;
        let is_library = file.extension().is_some_and(|extension| extension == "rlib");
        if is_library && !name.to_string_lossy().starts_with("libsysroot") {
            fs::copy(&file, installed.join(name))?;
        }
    }
    Ok(())
}

/// The name of this machine in Rust's terms.
fn host() -> Result<String> {
    let lines = Process::new("rustc").arg("-vV").silent().check("")?;
    let host = lines.iter().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say what machine this is.")?.to_owned())
}

fn line(process: Process) -> Result<String> {
    process.first_line().context("rustc says nothing.")
}

fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("{} cannot be read.", dir.display()))?;
    Ok(entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?)
}

#[cfg(unix)]
fn link(original: &Path, link: &Path) -> Result<()> {
    std::os::unix::fs::symlink(original, link).with_context(|| format!("{} cannot be made.", link.display()))
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> Result<()> {
    bail!("Debian's packages run on Linux only.")
}
