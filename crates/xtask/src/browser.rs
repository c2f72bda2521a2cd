//! Chromium and its driver for the tests in a browser.

use crate::apt;
use anyhow::{Context, Result, bail};
use std::env;
use std::path::PathBuf;

/// The fonts let a person who looks at the screenshots read the Chinese ones.
const PACKAGES: [&str; 3] = ["chromium", "chromium-driver", "fonts-noto-cjk"];
const BROWSERS: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
/// Where browsers live that are not on the PATH.
const USUAL_PLACES: [&str; 3] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/// Finds chromedriver with a browser that it can drive, installing both where apt can.
pub fn ensure() -> Result<PathBuf> {
    if let Some(driver) = driver().filter(|_| has_browser()) {
        return Ok(driver);
    }
    if !apt::present() {
        bail!(
            "The tests in a browser need Google Chrome and the chromedriver of the same version: install both, \
             put chromedriver on the PATH or its path into CHROMEDRIVER (`--no-browser` leaves these tests out)."
        );
    }
    apt::install(&PACKAGES).context("`--no-browser` leaves the tests in a browser out.")?;
    driver().context("Debian's chromium-driver brought no chromedriver.")
}

fn driver() -> Option<PathBuf> {
    let named = env::var_os("CHROMEDRIVER").map(PathBuf::from).filter(|path| path.is_file());
    named.or_else(|| on_path("chromedriver"))
}

fn has_browser() -> bool {
    BROWSERS.iter().any(|name| on_path(name).is_some())
        || USUAL_PLACES.iter().any(|path| PathBuf::from(path).is_file())
}

/// The file that the PATH gives for `program`.
fn on_path(program: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    let program = format!("{program}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&folders).map(|folder| folder.join(&program)).find(|path| path.is_file())
}
