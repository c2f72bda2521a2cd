//! What a model writes, on standard output; remarks for people who watch, on standard error.

use anyhow::Result;
use smolder_formats::error::printable;
use std::io::{ErrorKind, IsTerminal, Write};
use std::ops::ControlFlow;

/// Standard output for a model's text.
pub struct Output {
    terminal: bool,
    line_open: bool,
    failed: Option<std::io::Error>,
}

impl Output {
    pub fn new() -> Self {
        Self { terminal: std::io::stdout().is_terminal(), line_open: false, failed: None }
    }

    /// Shows text at once; breaks where nobody reads it any more.
    pub fn show(&mut self, text: &str) -> ControlFlow<()> {
        if text.is_empty() {
            return ControlFlow::Continue(());
        }
        self.line_open = !text.ends_with('\n');
        // A model must not send commands to the terminal.
        let text = if self.terminal { harmless(text) } else { text.to_owned() };
        let mut out = std::io::stdout();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    /// Ends the line that is open.
    pub fn end_line(&mut self) {
        if self.line_open {
            // A failure is kept for the end.
            let _ = self.show("\n");
        }
    }

    /// Whether everything arrived; a reader that had enough is no error.
    pub fn finish(mut self) -> Result<()> {
        self.end_line();
        match self.failed {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// A result on standard output, as a line; a reader that had enough is no error.
pub fn answer(text: &str) -> Result<()> {
    let mut output = Output::new();
    // What could not be shown is told in the end.
    let _ = output.show(text);
    output.finish()
}

fn harmless(text: &str) -> String {
    text.split_inclusive(['\n', '\t'])
        .map(|piece| match piece.strip_suffix(['\n', '\t']) {
            Some(before) => printable(before) + &piece[before.len()..],
            None => printable(piece),
        })
        .collect()
}

/// A line on standard error. Where nobody reads it any more the work goes on: `eprintln!` would end the program.
macro_rules! tell {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}
pub(crate) use tell;

/// This program as it was called: `cargo run` does not put it on the PATH.
pub fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "smolder".to_owned())
}

/// A remark, where somebody watches.
pub fn remark(text: &str) {
    if std::io::stderr().is_terminal() {
        tell!("{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_text_and_no_commands() {
        assert_eq!(harmless("a\n\tb — 停\n"), "a\n\tb — 停\n");
        assert_eq!(harmless("\x1b[2Jx\r\ny"), "\\u{1b}[2Jx\\r\ny");
        assert_eq!(harmless("a\u{2066}b\u{e0041}"), "a\\u{2066}b\\u{e0041}");
    }
}
