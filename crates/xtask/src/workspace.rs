//! Where things are: the clone, and the folder that all clones share.

use crate::process::Process;
use anyhow::{Context, Result};
use std::env;
use std::path::PathBuf;

/// The folders that everything works in.
pub struct Workspace {
    /// The clone.
    pub root: PathBuf,
    /// Tools and toolchains, kept between clones: `$SMOLDER_CACHE`, else `smolder` in the user's cache folder.
    pub cache: PathBuf,
    /// Cargo's target folder: `$CARGO_TARGET_DIR`, else in the cache, so that a second clone compiles little.
    pub target: PathBuf,
}

impl Workspace {
    /// Finds the folders from the environment.
    pub fn find() -> Result<Self> {
        let package =
            env::var_os("CARGO_MANIFEST_DIR").map_or(env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = package.ancestors().nth(2).context("Run this as `cargo xtask` in a clone of Smolder.")?;
        let cache = cache_folder(|key| env::var_os(key).filter(|value| !value.is_empty()).map(PathBuf::from))
            .context("No cache folder is known: set SMOLDER_CACHE to a folder with some 20 GB of space.")?;
        let target = env::var_os("CARGO_TARGET_DIR").map_or(cache.join("target"), |dir| root.join(dir));
        Ok(Self { root: root.to_owned(), target, cache })
    }

    /// A program that runs in the clone and builds into the shared target folder.
    pub fn process(&self, program: &str) -> Process {
        Process::new(program).dir(&self.root).env("CARGO_TARGET_DIR", &self.target)
    }

    /// Cargo with `args`, split at spaces.
    pub fn cargo(&self, args: &str) -> Process {
        self.process("cargo").args(args.split_whitespace())
    }

    /// The folder of an installed tool.
    pub fn tool(&self, name: &str) -> PathBuf {
        self.cache.join("tools").join(name)
    }

    /// Things that belong to this clone and to no commit.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.root.join("target").join(name)
    }
}

/// The cache folder as each platform places it.
fn cache_folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let users = || match env::consts::OS {
        "windows" => variable("LOCALAPPDATA"),
        "macos" => Some(variable("HOME")?.join("Library/Caches")),
        _ => variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache"))),
    };
    variable("SMOLDER_CACHE").or_else(|| Some(users()?.join("smolder")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_of_the_project_wins() {
        let folder = cache_folder(|key| Some(PathBuf::from("/somewhere").join(key)));
        assert_eq!(folder, Some(PathBuf::from("/somewhere/SMOLDER_CACHE")));
    }

    #[test]
    fn without_variables_there_is_no_folder() {
        assert_eq!(cache_folder(|_| None), None);
    }
}
