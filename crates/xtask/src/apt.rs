//! Debian's package manager, where there is one.

use crate::console::step;
use crate::process::Process;
use anyhow::{Context, Result, bail};

/// Whether apt is there.
pub fn present() -> bool {
    cfg!(target_os = "linux") && Process::new("apt-get").args(["--version"]).first_line().is_some()
}

/// The command that a person would run to install `packages`.
pub fn command(packages: &[&str]) -> String {
    format!("sudo apt-get install {}", packages.join(" "))
}

/// Installs `packages`, or says what a person would have to run.
pub fn install(packages: &[&str]) -> Result<()> {
    if !present() {
        bail!("This system has no apt, so install the equivalent of `{}`.", command(packages));
    }
    step(format!("Installing {} with apt", packages.join(", ")), || {
        update();
        advised(apt_get("install -qq -y --no-install-recommends").args(packages), packages)
    })
}

/// Runs apt-get, or says what a person would have to run.
fn advised(install: Process, packages: &[&str]) -> Result<()> {
    let installed = install.check("It needs its rights and a network.").map(drop);
    installed.with_context(|| format!("Run `{}` yourself.", command(packages)))
}

/// Fetches the lists of packages. Old lists are better than none: whether they suffice, installing says.
pub fn update() {
    let _ = apt_get("update -qq").finish();
}

/// A silent apt-get with the rights to install: as it is for root, else through sudo where that asks nothing.
fn apt_get(args: &str) -> Process {
    let root = Process::new("id").args(["-u"]).first_line().is_some_and(|id| id == "0");
    let command = if root { Process::new("env") } else { Process::new("sudo").args(["-n", "env"]) };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(args.split(' ')).silent()
}

/// What `package` depends on, by name.
pub fn dependencies(package: &str) -> Result<Vec<String>> {
    let lines =
        Process::new("apt-cache").args(["depends", package]).silent().check("Run `apt-get update`.")?;
    Ok(parse_dependencies(&lines))
}

fn parse_dependencies(lines: &[String]) -> Vec<String> {
    lines.iter().filter_map(|line| line.trim().strip_prefix("Depends: ").map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_installed_is_named_with_the_command() {
        for program in ["no-such-program", "false"] {
            let error = advised(Process::new(program).silent(), &["mesa", "vulkan"]).unwrap_err();
            assert_eq!(error.to_string(), "Run `sudo apt-get install mesa vulkan` yourself.");
            assert!(format!("{error:#}").contains(program), "{error:#}");
        }
    }

    #[test]
    fn dependencies_are_read() {
        let lines =
            ["rust-web-clippy", "  Depends: libc6", "  Conflicts: rust-clippy", "  Depends: libllvm22"];
        assert_eq!(parse_dependencies(&lines.map(str::to_owned)), ["libc6", "libllvm22"]);
    }
}
