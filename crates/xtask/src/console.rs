//! What a person sees: steps with their durations, and errors as sentences.

use anyhow::{Error, Result};
use std::io::Write;
use std::time::{Duration, Instant};

/// Prints one line. A reader that has gone away (`| head`) is no reason to stop.
pub fn say(line: impl AsRef<str>) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", line.as_ref()).and_then(|()| out.flush());
}

/// Does `work`, saying that it starts, how it ended and how long it took.
pub fn step<T>(what: impl AsRef<str>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let (what, start) = (what.as_ref(), Instant::now());
    say(format!("==> {what}"));
    let result = work();
    let outcome = if result.is_ok() { "done" } else { "failed" };
    say(format!("    {outcome} in {}: {what}", duration(start.elapsed())));
    result
}

/// Prints an error and its causes, one sentence a line.
pub fn complain(error: &Error) {
    let _ = writeln!(std::io::stderr(), "error: {}", sentences(error));
}

/// An error and its causes, one a line.
pub fn sentences(error: &Error) -> String {
    let causes: Vec<_> = error.chain().map(ToString::to_string).collect();
    causes.join("\n  because: ")
}

/// A duration as people read it: "0.4 s", "48 s", "12 min 03 s".
pub fn duration(time: Duration) -> String {
    match time.as_secs() {
        0..=9 => format!("{:.1} s", time.as_secs_f32()),
        seconds @ 10..=119 => format!("{seconds} s"),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(Duration::from_millis(420)), "0.4 s");
        assert_eq!(duration(Duration::from_secs(48)), "48 s");
        assert_eq!(duration(Duration::from_secs(723)), "12 min 03 s");
    }

    #[test]
    fn an_error_is_told_with_its_causes() {
        let error = anyhow!("No route.").context("Cannot download.");
        assert_eq!(sentences(&error), "Cannot download.\n  because: No route.");
    }
}
