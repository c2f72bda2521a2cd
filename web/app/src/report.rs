//! The check as plain text, for a bug report.

use crate::facts;
use crate::link::State;
use crate::text::{Phrases, Words, failure_words, problem_words};
use crate::verdict::Verdict;
use smolder_protocol::Check;

/// What the page knows about itself and the browser.
pub(crate) struct Surroundings<'a> {
    pub(crate) build: &'a str,
    pub(crate) browser: &'a str,
}

/// `state` as text, or nothing while the check runs.
pub(crate) fn text(state: &State, about: &Surroundings, t: &Phrases) -> Option<String> {
    let mut report = format!("Smolder {}\n{}\n", about.build, about.browser);
    match state {
        State::Checking { .. } => return None,
        State::Checked(check) => write_check(&mut report, check, t),
        State::Stopped(failure) => write_words(&mut report, &failure_words(failure, t)),
    }
    Some(report)
}

fn write_check(report: &mut String, check: &Check, t: &Phrases) {
    line(report, &format!("\n{}", Verdict::of(check).headline(check, t)));
    for problem in &check.problems {
        write_words(report, &problem_words(problem, t));
    }
    for group in facts::groups(check, t) {
        line(report, &format!("\n{}", group.title));
        for fact in group.facts {
            line(report, &format!("  {}: {}", fact.label, fact.value));
        }
    }
}

fn write_words(report: &mut String, words: &Words) {
    let quote = words.quote.as_ref().map(|quote| format!(": {quote}")).unwrap_or_default();
    line(report, &format!("! {}{quote}", words.title));
}

fn line(report: &mut String, line: &str) {
    report.push_str(line);
    report.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Failure;
    use crate::sample;
    use crate::text::Language;
    use smolder_protocol::Problem;

    const ABOUT: Surroundings = Surroundings { build: "0.1.0-abc", browser: "Browser/1.0" };

    fn english(state: &State) -> Option<String> {
        text(state, &ABOUT, Language::English.phrases())
    }

    #[test]
    fn nothing_is_reported_before_the_end() {
        assert_eq!(english(&State::START), None);
    }

    #[test]
    fn a_check_is_reported_with_build_browser_problems_and_facts() {
        let refused = Problem::DeviceRefused { reason: "out of memory".to_owned() };
        let check = Check { problems: vec![refused], ..sample::check() };
        let report = english(&State::Checked(check)).unwrap();
        assert!(report.starts_with("Smolder 0.1.0-abc\nBrowser/1.0\n"), "{report}");
        assert!(report.contains("\n! The GPU refused to start: out of memory\n"), "{report}");
        assert!(report.contains("\nLimits\n  Largest buffer: 256 MiB\n"), "{report}");
    }

    #[test]
    fn a_failure_is_reported_with_its_reason() {
        let report = english(&State::Stopped(Failure::Crashed("index out of bounds".to_owned()))).unwrap();
        assert!(report.ends_with("! The trainer crashed: index out of bounds\n"), "{report}");
    }
}
