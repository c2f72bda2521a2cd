//! Child processes whose output is shown as it comes and kept.

use crate::console::say;
use anyhow::{Context, Error, Result, bail};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, ErrorKind, Read, pipe};
use std::path::Path;
use std::process::{Command, Stdio};

/// Lines of a silent child that are shown when it fails.
const TAIL: usize = 40;

/// A child process to be run.
pub struct Process {
    command: Command,
    name: String,
    silent: bool,
}

/// How a child ended.
pub struct Finished {
    /// Whether it exited with zero.
    pub success: bool,
    /// Its standard output and error, in the order in which they came.
    pub lines: Vec<String>,
}

impl Finished {
    /// Its last lines, for a failure.
    pub fn last_words(&self) -> impl Iterator<Item = &String> {
        self.lines.iter().skip(self.lines.len().saturating_sub(TAIL))
    }
}

impl Process {
    /// A child named `program`, found on the PATH unless it is a path. Its output will be shown.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let name = program.as_ref().to_string_lossy().into_owned();
        Self { command: Command::new(program), name, silent: false }
    }

    /// Adds an argument.
    pub fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        self.args([arg])
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Removes an environment variable.
    pub fn without_env(mut self, key: &str) -> Self {
        self.command.env_remove(key);
        self
    }

    /// Sets the folder that it runs in.
    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Shows its output only when it fails, and then only the end and no stack trace.
    pub fn silent(mut self) -> Self {
        self.silent = true;
        self.env("RUST_BACKTRACE", "0")
    }

    /// Runs to the end, whatever that is.
    pub fn finish(mut self) -> Result<Finished> {
        let (output, input) = pipe()?;
        self.command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
        let mut child = self.command.spawn().map_err(|error| not_started(&self.name, error))?;
        // The command holds the pipe's writing end, and reading ends when the last of these is closed.
        drop(self.command);
        let lines = gather(output, self.silent);
        let status = child.wait().with_context(|| format!("`{}` was lost.", self.name))?;
        if status.code().is_none() {
            say(format!("    `{}` was ended from outside: {status}.", self.name));
        }
        Ok(Finished { success: status.success(), lines })
    }

    /// Runs to the end and returns the output; a non-zero exit is an error, and `advice` says what to do.
    pub fn check(self, advice: &str) -> Result<Vec<String>> {
        let (name, silent) = (self.name.clone(), self.silent);
        let finished = self.finish()?;
        if finished.success {
            return Ok(finished.lines);
        }
        if silent {
            finished.last_words().for_each(|line| say(format!("    {line}")));
        }
        bail!("`{name}` failed (its last words are above). {advice}")
    }

    /// Runs to the end with the terminal to itself, to show there how far it is; a non-zero exit is an error.
    pub fn attached(mut self, advice: &str) -> Result<()> {
        let status = self.command.stdin(Stdio::null()).status();
        if status.map_err(|error| not_started(&self.name, error))?.success() {
            return Ok(());
        }
        bail!("`{}` failed (its last words are above). {advice}", self.name)
    }

    /// First line that it prints; `None` where it cannot be run or fails.
    pub fn first_line(self) -> Option<String> {
        let finished = self.silent().finish().ok()?;
        finished.lines.into_iter().next().filter(|_| finished.success)
    }
}

fn not_started(name: &str, error: std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::msg(format!("`{name}` is not on the PATH.")),
        _ => Error::new(error).context(format!("`{name}` cannot be started.")),
    }
}

/// Collects the output line by line, showing it unless `silent`.
fn gather(output: impl Read, silent: bool) -> Vec<String> {
    let lines = BufReader::new(output).split(b'\n').map_while(Result::ok);
    let lines = lines.map(|line| String::from_utf8_lossy(&line).trim_end().to_owned());
    let show = |line: &String| {
        if !silent {
            say(format!("    {line}"));
        }
    };
    lines.inspect(show).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::new("sh").args(["-c", script]).silent()
    }

    #[test]
    fn both_streams_are_kept_in_order() {
        let lines = shell("echo 1; echo 2 >&2; echo 3").finish().unwrap().lines;
        assert_eq!(lines, ["1", "2", "3"]);
    }

    #[test]
    fn a_failure_carries_the_advice() {
        let error = shell("exit 3").check("Try again.").unwrap_err().to_string();
        assert!(error.ends_with("Try again."), "{error}");
    }

    #[test]
    fn an_attached_failure_carries_the_advice_too() {
        assert!(shell("exit 0").attached("").is_ok());
        let error = shell("exit 3").attached("Try again.").unwrap_err().to_string();
        assert!(error.ends_with("Try again."), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Process::new("no-such-program").check("").unwrap_err().to_string();
        assert_eq!(error, "`no-such-program` is not on the PATH.");
    }
}
