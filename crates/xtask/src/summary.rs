//! Counting tests from what their runners print.

/// Counts of a suite, or of all of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that did as they should.
    pub passed: usize,
    /// Tests that did not, and suites that could not run.
    pub failed: usize,
    /// Tests that were left out.
    pub skipped: usize,
    /// What failed or was left out, in sentences.
    pub notes: Vec<String>,
}

impl Tally {
    /// A check that is one test.
    pub fn of_check(success: bool, advice: &str) -> Self {
        if success { Self { passed: 1, ..Self::default() } } else { Self::failure(advice) }
    }

    /// One failure and what it was.
    pub fn failure(note: impl Into<String>) -> Self {
        Self { failed: 1, notes: vec![note.into()], ..Self::default() }
    }

    /// One test, or a whole suite, left out on purpose.
    pub fn skip(note: impl Into<String>) -> Self {
        Self { skipped: 1, notes: vec![note.into()], ..Self::default() }
    }

    /// Counts from the output of cargo's or wasm-bindgen's test runner. A runner that ran nothing, or that
    /// failed without saying which test, is a failure of its own.
    pub fn of_tests(lines: &[String], success: bool) -> Self {
        let mut tally = Self::default();
        for line in lines {
            if let Some((_, counts)) = line.split_once("test result: ") {
                tally.passed += count(counts, "passed");
                tally.failed += count(counts, "failed");
                tally.skipped += count(counts, "ignored") + count(counts, "filtered out");
            }
            tally.notes.extend(failed_test(line).map(str::to_owned));
        }
        if tally.passed + tally.failed == 0 {
            tally.add(Self::failure("No test ran: the output above says why."));
        } else if !success && tally.failed == 0 {
            tally.add(Self::failure("The runner failed although no test did: the output above says why."));
        }
        tally
    }

    /// Counts from a last line like the one that [`Self::line`] makes; without it, a failure.
    pub fn of_closing_line(lines: &[String]) -> Self {
        let counts =
            lines.last().map(|line| line.replace(", ", ";")).filter(|line| line.contains(" passed;"));
        let Some(counts) = counts else {
            return Self::failure("It ended without counting: the output above says why.");
        };
        Self {
            passed: count(&counts, "passed"),
            failed: count(&counts, "failed"),
            skipped: count(&counts, "skipped"),
            notes: Vec::new(),
        }
    }

    /// Adds the counts and notes of another.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.notes.extend(other.notes);
    }

    /// The closing line.
    pub fn line(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// The number before `what` in "3 passed; 0 failed; 1 filtered out".
fn count(counts: &str, what: &str) -> usize {
    let parts = counts.split([';', '.']).map(str::trim);
    parts.filter_map(|part| part.strip_suffix(what)?.trim().parse::<usize>().ok()).sum()
}

/// The test's name in `test some::name ... FAILED` (cargo's) or `test some::name ... FAIL` (wasm-bindgen's).
fn failed_test(line: &str) -> Option<&str> {
    let (name, outcome) = line.trim().strip_prefix("test ")?.split_once(" ... ")?;
    outcome.starts_with("FAIL").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tests(text: &str, success: bool) -> Tally {
        Tally::of_tests(&text.lines().map(str::to_owned).collect::<Vec<_>>(), success)
    }

    #[test]
    fn the_results_of_all_binaries_are_summed() {
        let text = "running 3 tests\ntest a ... ok\n\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.10s\n\
            test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(tests(text, true), Tally { passed: 7, failed: 0, skipped: 3, notes: vec![] });
    }

    #[test]
    fn failed_tests_are_named() {
        let text = "test gpu::rms_norm::forward ... FAILED\ntest cpu::rms_norm ... ok\n\
            test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        let tally = tests(text, false);
        assert_eq!((tally.passed, tally.failed), (1, 1));
        assert_eq!(tally.notes, ["gpu::rms_norm::forward"]);
    }

    #[test]
    fn the_browser_runner_is_understood() {
        let text = "test web::kernels::forward ... FAIL\ntest result: FAILED. 2 passed; 1 failed; 0 ignored; 0 filtered out";
        let tally = tests(text, false);
        assert_eq!((tally.passed, tally.failed, tally.notes.len()), (2, 1, 1));
    }

    #[test]
    fn a_closing_line_is_read_and_missed() {
        let of = |line: &str| Tally::of_closing_line(&["ok".to_owned(), line.to_owned()]);
        assert_eq!(of("12 passed, 3 failed, 4 skipped").line(), "12 passed, 3 failed, 4 skipped");
        assert_eq!(of("Traceback").line(), "0 passed, 1 failed, 0 skipped");
        assert_eq!(Tally::of_closing_line(&[]).failed, 1);
    }

    #[test]
    fn silence_is_a_failure() {
        assert_eq!(tests("error: could not compile", false).failed, 1);
        assert_eq!(tests("", true).failed, 1);
        assert_eq!(
            tests("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out", true).failed,
            1
        );
    }

    #[test]
    fn a_crash_after_passing_tests_is_a_failure() {
        let text = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\nsignal: 11";
        let tally = tests(text, false);
        assert_eq!((tally.passed, tally.failed), (3, 1));
    }
}
