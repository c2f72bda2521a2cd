//! llama.cpp and transformers on the same processor: what `tests/fixtures/models/speed.py` measures.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use smolder_bench::Part;
use std::path::Path;
use std::process::{Command, Stdio};

/// A rival's name, the number's name here, and the number.
type Speed = (String, String, f64);

/// Runs the script.
pub fn measure(python: &Path, script: &Path, threads: usize) -> Result<Vec<Speed>> {
    eprintln!("==> llama.cpp and transformers");
    let mut command = Command::new(python);
    command.arg(script).args(["--threads", &threads.to_string()]).stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("{} cannot be run", python.display()))?;
    if !output.status.success() {
        bail!("{} could not measure: {}", script.display(), output.status);
    }
    Ok(speeds(&serde_json::from_slice(&output.stdout).context("the script printed no JSON")?))
}

fn speeds(report: &Value) -> Vec<Speed> {
    let mut all = Vec::new();
    for (rival, numbers) in report.as_object().into_iter().flatten() {
        let mut add = |name: String, value: &Value| {
            all.extend(value.as_f64().map(|value| (rival.clone(), name, value)));
        };
        for (key, suffix) in [("tokens_per_second", ""), ("tokens_per_cpu_second", ", a processor second")] {
            for (count, value) in numbers[format!("prefill_{key}")].as_object().into_iter().flatten() {
                add(format!("reading {count} tokens{suffix}"), value);
            }
            add(format!("writing, one token after another{suffix}"), &numbers[format!("decode_{key}")]);
        }
        add("process memory at most".to_owned(), &numbers["peak_memory_mb"]);
    }
    all
}

/// Puts rivals beside the CPU device's numbers, and what they make of the targets: reading at least as fast as
/// transformers, writing half as fast as llama.cpp.
pub fn add(rivals: &[Speed], part: &mut Part) {
    if part.device != "cpu" || part.name != "generate" {
        return;
    }
    for figure in &mut part.figures {
        for (rival, _, value) in rivals.iter().filter(|(_, name, _)| *name == figure.name) {
            figure.rivals.push((rival.clone(), *value));
            let reading = figure.name.starts_with("reading");
            match rival.as_str() {
                "transformers" if reading => figure.target = Some(*value),
                "llama.cpp" if figure.name.starts_with("writing") => figure.target = Some(value / 2.0),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smolder_bench::{Better, Figure};

    #[test]
    fn rivals_stand_beside_the_same_number() {
        let report = serde_json::json!({
            "threads": 2,
            "llama.cpp": {"decode_tokens_per_second": 100.0},
            "transformers": {"prefill_tokens_per_second": {"200": 300.0}, "decode_tokens_per_second": 20.0},
        });
        let names = ["reading 200 tokens", "writing, one token after another"];
        let figures = names.map(|name| Figure::new(name, 60.0, "tokens/s", Better::Higher)).to_vec();
        let mut part =
            Part { name: "generate".to_owned(), device: "cpu".to_owned(), figures, ..Part::default() };
        add(&speeds(&report), &mut part);
        assert_eq!(part.figures[0].reached(), Some(false));
        assert_eq!(part.figures[1].reached(), Some(true));
        assert_eq!(part.figures[1].rivals.len(), 2);
    }
}
