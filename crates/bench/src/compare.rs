//! Two reports beside each other.

use crate::report::{Better, Report};
use std::collections::BTreeMap;

/// What both measured, how much better the new one is, and whether it matters; worst first.
///
/// Times are compared by processor seconds where both know them, since other programs disturb these less.
pub fn compare(old: &Report, new: &Report) -> String {
    let before = speeds(old);
    let after = speeds(new).into_iter();
    let mut both: Vec<(f64, String)> =
        after.filter_map(|(name, speed)| Some((speed / before.get(&name)?, name))).collect();
    both.sort_by(|a, b| a.0.total_cmp(&b.0));
    let lines = both.iter().map(|(ratio, name)| format!("{ratio:>6.2} × as good: {name}\n"));
    format!("{} measured by both, of {} before\n", both.len(), before.len()) + &lines.collect::<String>()
}

/// Every number by its full name, larger being better.
fn speeds(report: &Report) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    for part in &report.parts {
        for timing in &part.timings {
            let secs = if timing.cpu_secs > 0.0 { timing.cpu_secs } else { timing.best_secs };
            all.insert(format!("{}: {}", part.device, timing.name), secs.recip());
        }
        for figure in &part.figures {
            let speed = match figure.better {
                Better::Higher => figure.value,
                Better::Lower => figure.value.recip(),
            };
            all.insert(format!("{} {}: {}", part.device, part.name, figure.name), speed);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Figure, Part};

    fn report(speed: f64, memory: f64, name: &str) -> Report {
        let figures = vec![
            Figure::new("speed", speed, "tokens/s", Better::Higher),
            Figure::new(name, memory, "MB", Better::Lower),
        ];
        Report {
            parts: vec![Part { name: "x".to_owned(), device: "cpu".to_owned(), figures, ..Part::default() }],
            ..Report::default()
        }
    }

    #[test]
    fn what_got_worse_comes_first() {
        let text = compare(&report(10.0, 100.0, "memory"), &report(20.0, 200.0, "memory"));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1..], ["  0.50 × as good: cpu x: memory", "  2.00 × as good: cpu x: speed"]);
    }

    #[test]
    fn what_only_one_measured_is_left_out() {
        let text = compare(&report(10.0, 100.0, "memory"), &report(10.0, 100.0, "other"));
        assert_eq!(text, "1 measured by both, of 2 before\n  1.00 × as good: cpu x: speed\n");
    }
}
