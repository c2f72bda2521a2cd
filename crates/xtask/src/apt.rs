//! Debian's package manager, where there is one.

use crate::console::step;
use crate::process::Process;
use anyhow::{Result, bail};

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
    let advice = format!("Run `{}` yourself.", command(packages));
    if !present() {
        bail!("This system has no apt, so install the equivalent of `{}`.", command(packages));
    }
    step(format!("Installing {} with apt", packages.join(", ")), || {
        update()?;
        let install = apt_get("install -qq -y --no-install-recommends");
        install.args(packages).check(&advice).map(drop)
    })
}

/// Fetches the lists of packages. Old lists are better than none, so this fails only where apt does not run.
pub fn update() -> Result<()> {
    apt_get("update -qq").finish().map(drop)
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
    fn dependencies_are_read() {
        let lines =
            ["rust-web-clippy", "  Depends: libc6", "  Conflicts: rust-clippy", "  Depends: libllvm22"];
        assert_eq!(parse_dependencies(&lines.map(str::to_owned)), ["libc6", "libllvm22"]);
    }
}
