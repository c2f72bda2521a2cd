//! Ctrl-C: the first stops what is going on, the second ends the program.

use anyhow::{Context, Error, Result};
use signal_hook::consts::SIGINT;
use signal_hook::flag;
use smolder_models::LoadError;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What shells expect of a program that Ctrl-C ended.
pub const CODE: u8 = 130;

/// Whether somebody pressed Ctrl-C.
#[derive(Debug)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Notices Ctrl-C from here on.
    pub fn watch() -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        // The one that ends the program comes first: it must not see what the other has just noted.
        flag::register_conditional_shutdown(SIGINT, CODE.into(), Arc::clone(&asked))
            .and_then(|_| flag::register(SIGINT, Arc::clone(&asked)))
            .context("Ctrl-C cannot be watched")?;
        Ok(Self(asked))
    }

    /// Break once somebody asked to stop.
    pub fn flow(&self) -> ControlFlow<()> {
        if self.0.load(Ordering::SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Nothing is going on: Ctrl-C ends the program.
    pub fn idle(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Something begins that Ctrl-C stops.
    pub fn busy(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// An error of something that Ctrl-C may have stopped.
pub fn told(error: LoadError) -> Error {
    match error {
        LoadError::Cancelled => Error::new(Stopped),
        LoadError::File(error) => error.into(),
        LoadError::Device(_) => error.into(),
    }
}

/// Ends a command that Ctrl-C stopped, without a word.
#[derive(Debug)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped")
    }
}

impl std::error::Error for Stopped {}
