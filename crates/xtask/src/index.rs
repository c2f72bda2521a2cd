//! Variants of index.html. Trunk wants them beside the original, whose links they share; git ignores them.

use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;

/// The original.
pub const ORIGINAL: &str = "index.html";

/// Writes the page that asks for no wasm-opt, and returns its name.
pub fn without_wasm_opt(workspace: &Workspace) -> Result<&'static str> {
    write(workspace, "index.plain.html", ask_no_wasm_opt)
}

/// Writes the page that lets trunk's own script reload it, and returns its name.
pub fn with_live_reload(workspace: &Workspace) -> Result<&'static str> {
    write(workspace, "index.dev.html", allow_inline_scripts)
}

fn write(workspace: &Workspace, name: &'static str, change: fn(&str) -> String) -> Result<&'static str> {
    let original = fs::read_to_string(workspace.root.join(ORIGINAL)).context("There is no index.html.")?;
    fs::write(workspace.root.join(name), change(&original))
        .with_context(|| format!("{name} cannot be written."))?;
    Ok(name)
}

/// Without the attribute, trunk would still run wasm-opt.
fn ask_no_wasm_opt(index: &str) -> String {
    index.replace(" data-wasm-opt=\"z\"", "").replace("rel=\"rust\"", "rel=\"rust\" data-wasm-opt=\"0\"")
}

/// Trunk's script is inline, which the page's Content-Security-Policy forbids.
fn allow_inline_scripts(index: &str) -> String {
    index.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wasm_opt_is_switched_off_whether_or_not_it_was_asked_for() {
        let off = "<link rel=\"rust\" data-wasm-opt=\"0\">";
        assert_eq!(ask_no_wasm_opt("<link rel=\"rust\" data-wasm-opt=\"z\">"), off);
        assert_eq!(ask_no_wasm_opt("<link rel=\"rust\">"), off);
    }

    #[test]
    fn only_scripts_may_be_inline() {
        let policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'";
        let expected =
            "default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'self'";
        assert_eq!(allow_inline_scripts(policy), expected);
    }
}
