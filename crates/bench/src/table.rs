//! A report for people.

use crate::report::{Figure, Part, Report, Timing};
use std::fmt::Write;

/// The report as text.
pub fn table(report: &Report) -> String {
    let loads: Vec<String> = report.load.iter().map(|load| format!("{load:.1}")).collect();
    let mut text = format!(
        "Smolder {}, {} threads, load {}\n",
        report.build,
        report.threads,
        if loads.is_empty() { "unknown".to_owned() } else { loads.join(", ") }
    );
    report.parts.iter().for_each(|part| text += &self::part(part));
    text
}

fn part(part: &Part) -> String {
    let mut text = format!("\n{} on the {} ({})\n", part.name, part.device, part.hardware);
    if !part.timings.is_empty() {
        let _ = writeln!(
            text,
            "{:<64} {:>9} {:>9} {:>9} {:>7} {:>8} {:>8}",
            "", "best ms", "median", "GFLOP/s", "floor", "× burn", "by CPU"
        );
    }
    part.timings.iter().for_each(|timing| text += &row(timing));
    part.figures.iter().for_each(|figure| text += &line(figure));
    text
}

/// One line of a timing. Where memory is the limit, GB/s stand in GFLOP/s' place.
pub fn row(timing: &Timing) -> String {
    let rate = if timing.flop > 0.0 {
        format!("{:.1}", timing.gflops())
    } else {
        format!("{:.1} GB", timing.gbytes())
    };
    let ratio = |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
    format!(
        "{:<64} {:>9.3} {:>9.3} {:>9} {:>6.0}% {:>8} {:>8}\n",
        timing.name,
        timing.best_secs * 1e3,
        timing.median_secs * 1e3,
        rate,
        timing.of_floor() * 100.0,
        ratio(timing.of_dense()),
        ratio(timing.of_dense_cpu()),
    )
}

fn line(figure: &Figure) -> String {
    let mut text = format!("{:<64} {:>9} {}", figure.name, short(figure.value), figure.unit);
    for (name, value) in &figure.rivals {
        let _ = write!(text, "; {name} {} (× {:.2})", short(*value), figure.value / value);
    }
    if let (Some(target), Some(reached)) = (figure.target, figure.reached()) {
        let _ = write!(text, "; {} {}", if reached { "reaches" } else { "MISSES" }, short(target));
    }
    text + "\n"
}

/// Three digits or so.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
