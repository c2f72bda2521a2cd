//! Every check and test there is: `cargo xtask test`.

use crate::console::{duration, say, sentences};
use crate::suites::{ALL, Suite};
use crate::summary::Tally;
use crate::tools::{self, Tools};
use crate::workspace::Workspace;
use anyhow::{Error, Result};
use clap::Args;
use std::cell::OnceCell;
use std::process::ExitCode;
use std::time::Instant;

/// What to leave out.
#[derive(Args)]
pub struct Options {
    /// Leave out the tests that need a browser
    #[arg(long)]
    pub no_browser: bool,
    /// Leave out the tests on this machine's GPU or its driver in software (a browser brings its own, and keeps its tests)
    #[arg(long)]
    pub no_gpu: bool,
}

/// What suites share.
pub struct Context<'a> {
    /// Where things are.
    pub workspace: &'a Workspace,
    /// What to leave out.
    pub options: Options,
    tools: OnceCell<Result<Tools, String>>,
}

impl Context<'_> {
    /// What builds for the browser, set up when first asked for. If that fails, it fails for all who ask.
    pub fn tools(&self) -> Result<&Tools> {
        let setup = || tools::setup(self.workspace).map_err(|error| sentences(&error));
        self.tools.get_or_init(setup).as_ref().map_err(|error| Error::msg(error.clone()))
    }
}

/// Runs every suite, whatever became of those before, and closes with one line of counts.
pub fn run(workspace: &Workspace, options: Options) -> ExitCode {
    let (context, start) = (Context { workspace, options, tools: OnceCell::new() }, Instant::now());
    let mut total = Tally::default();
    let mut table = Vec::new();
    for suite in ALL {
        let (tally, row) = run_suite(suite, &context);
        table.push(row);
        total.add(tally);
    }
    say("\nSummary");
    table.iter().for_each(say);
    total.notes.iter().for_each(|note| say(format!("    {note}")));
    say(format!("    {} in all\n", duration(start.elapsed())));
    say(total.line());
    if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one suite and returns its counts and its row of the summary.
fn run_suite((name, suite): Suite, context: &Context) -> (Tally, String) {
    say(format!("==> {name}"));
    let start = Instant::now();
    let mut tally = suite(context).unwrap_or_else(|error| Tally::failure(sentences(&error)));
    let row = format!("    {:>12}  {name}: {}", duration(start.elapsed()), tally.line());
    say(&row);
    tally.notes.iter_mut().for_each(|note| *note = format!("{name}: {note}"));
    (tally, row)
}
