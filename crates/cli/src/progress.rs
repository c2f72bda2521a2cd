//! How far something has come, on standard error: one line that changes on a terminal, few lines in a pipe.

use crate::output::tell;
use smolder_formats::inspect::size;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// What takes no longer is over before it is said.
const SHORT: Duration = Duration::from_secs(1);
/// How often a terminal's line changes.
const REDRAW: Duration = Duration::from_millis(200);
/// How often a pipe gets a line.
const REPORT: Duration = Duration::from_secs(10);

/// What goes on while held-out rows are looked at.
pub const EVALUATING: &str = "evaluating";

/// How much is done, in words.
pub fn share(what: &str, done: u64, total: u64) -> String {
    format!("{what} {} %", (100 * done).checked_div(total).unwrap_or(100))
}

/// Shows how much is done once it has taken a second.
pub fn percent(what: &'static str) -> impl FnMut(u64, u64) {
    let mut line = Line::new();
    move |done, total| {
        if done < total && line.due() {
            line.say(&share(what, done, total));
        }
        if done == total {
            line.clear();
        }
    }
}

/// Says what goes on until the result is dropped, where what came before took a second already: this takes long too.
pub fn in_one_go(what: &str, start: Instant) -> Line {
    let mut line = Line { start, ..Line::new() };
    if line.due() {
        line.say(what);
    }
    line
}

/// A download's progress: bytes, speed, time left.
pub struct Transfer {
    line: Line,
    first: u64,
    total: Option<u64>,
}

impl Transfer {
    /// A download that starts at byte `first`; `total` is the whole file, where it is known.
    pub fn new(first: u64, total: Option<u64>) -> Self {
        Self { line: Line::new(), first, total }
    }

    /// Tells that the file's first `done` bytes are there.
    pub fn show(&mut self, done: u64) {
        if self.line.due() {
            self.line.say(&status(done, self.total, done - self.first, self.line.start.elapsed()));
        }
    }

    /// Says what was transferred in which time.
    pub fn finish(&mut self, done: u64) {
        self.line.clear();
        let time = self.line.start.elapsed();
        let speed = speed(done - self.first, time).map(|speed| format!(", {}/s", size(speed)));
        tell!("{} in {}{}", size(done - self.first), clock(time), speed.unwrap_or_default());
    }
}

/// One line on standard error that is drawn again and again, or a line now and then in a pipe.
pub struct Line {
    start: Instant,
    shown: Option<Instant>,
    terminal: bool,
    drawn: bool,
}

impl Line {
    fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { start: Instant::now(), shown: None, terminal, drawn: false }
    }

    /// Whether it is time to say something, for the first time or again.
    fn due(&self) -> bool {
        match self.shown {
            None => self.start.elapsed() >= SHORT,
            Some(shown) => shown.elapsed() >= if self.terminal { REDRAW } else { REPORT },
        }
    }

    fn say(&mut self, text: &str) {
        self.shown = Some(Instant::now());
        if self.terminal {
            self.drawn = true;
            let _ = write!(std::io::stderr(), "\r{text}\x1b[K");
            let _ = std::io::stderr().flush();
        } else {
            tell!("{text}");
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
            let _ = std::io::stderr().flush();
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.clear();
    }
}

/// `moved` of the `done` bytes took `time`; the others were there before.
fn status(done: u64, total: Option<u64>, moved: u64, time: Duration) -> String {
    let speed = speed(moved, time);
    let per_second = speed.map(|speed| format!(", {}/s", size(speed))).unwrap_or_default();
    let Some(total) = total else { return format!("{}{per_second}", size(done)) };
    let percent = (100 * done).checked_div(total).unwrap_or(100);
    let rest = speed.and_then(|speed| (total - done.min(total)).checked_div(speed));
    let left = rest.map(|secs| format!(", {} left", clock(Duration::from_secs(secs)))).unwrap_or_default();
    format!("{} of {} ({percent} %){per_second}{left}", size(done), size(total))
}

/// Bytes a second, once there is enough to measure.
fn speed(bytes: u64, time: Duration) -> Option<u64> {
    (time >= Duration::from_millis(100)).then(|| (bytes as f64 / time.as_secs_f64()) as u64)
}

/// A duration as people read it: "48 s", "12 min 03 s", "2 h 05 min".
pub fn clock(time: Duration) -> String {
    match time.as_secs() {
        secs @ 0..60 => format!("{secs} s"),
        secs @ 60..3600 => format!("{} min {:02} s", secs / 60, secs % 60),
        secs => format!("{} h {:02} min", secs / 3600, secs / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let shown = [0, 59, 60, 723, 3600, 7530].map(|secs| clock(Duration::from_secs(secs)));
        assert_eq!(shown, ["0 s", "59 s", "1 min 00 s", "12 min 03 s", "1 h 00 min", "2 h 05 min"]);
    }

    #[test]
    fn speed_and_time_left_count_only_what_was_transferred_now() {
        let second = Duration::from_secs(2);
        let text = status(60 << 20, Some(100 << 20), 20 << 20, second);
        assert_eq!(text, "60.0 MiB of 100.0 MiB (60 %), 10.0 MiB/s, 4 s left");
    }

    #[test]
    fn nothing_is_said_that_is_not_known() {
        let second = Duration::from_secs(1);
        assert_eq!(status(2 << 20, None, 2 << 20, second), "2.0 MiB, 2.0 MiB/s");
        assert_eq!(status(0, Some(1 << 20), 0, Duration::ZERO), "0 B of 1.0 MiB (0 %)");
        assert_eq!(status(0, Some(1 << 20), 0, second), "0 B of 1.0 MiB (0 %), 0 B/s");
        assert_eq!(status(0, Some(0), 0, Duration::ZERO), "0 B of 0 B (100 %)");
    }
}
