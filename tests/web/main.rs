//! The page as a person meets it: real Chromium, driven over WebDriver, on the page that `cargo xtask test` builds
//! and serves. Screenshots land in `$SMOLDER_SCREENSHOTS`, else in the target folder.
//!
//! Without `$SMOLDER_URL`, the address of the page, every test here fails; without `$SMOLDER_CLI`, the program for the
//! terminal, those that compare the two.
//!
//! A font with Chinese characters (Debian's `fonts-noto-cjk`) is only needed to look at those screenshots.

#![cfg(test)]

mod adapters;
mod browser;
mod check;
mod dropped;
mod failures;
mod first_visit;
mod flow;
mod interrupted;
mod look;
mod model;
mod native;
mod no_gpu;
mod offline;
mod privacy;
mod remarks;
mod runs;
mod saved;
mod server;
mod trainer;
mod webdriver;
