//! llama.cpp, transformers and PEFT on the same processor: what `tests/fixtures/models/speed.py` measures.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use smolder_bench::Part;
use std::path::Path;
use std::process::{Command, Stdio};

/// A rival's name, the number's name here, and the number.
pub type Speed = (String, String, f64);

/// Runs the script for `generate` or `train`.
pub fn measure(python: &Path, script: &Path, part: &str, threads: usize) -> Result<Vec<Speed>> {
    eprintln!("==> {part} in other programs");
    let mut command = Command::new(python);
    command.arg(script).args(["--threads", &threads.to_string(), "--only", part]).stderr(Stdio::inherit());
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
            for (count, value) in numbers[format!("train_{key}")].as_object().into_iter().flatten() {
                add(format!("LoRA step of {count} tokens{suffix}"), value);
            }
            add(format!("writing, one token after another{suffix}"), &numbers[format!("decode_{key}")]);
        }
        for (count, value) in numbers["train_memory_mb"].as_object().into_iter().flatten() {
            add(format!("LoRA step of {count} tokens: process memory at most"), value);
        }
        add("process memory at most".to_owned(), &numbers["peak_memory_mb"]);
    }
    all
}

/// Puts rivals beside the CPU device's numbers, and what they make of the targets: reading at least as fast as
/// transformers, writing half as fast as llama.cpp, training at least as fast as PEFT with half its memory.
pub fn add(rivals: &[Speed], part: &mut Part) {
    if part.device != "cpu" {
        return;
    }
    for figure in &mut part.figures {
        for (rival, _, value) in rivals.iter().filter(|(_, name, _)| *name == figure.name) {
            figure.rivals.push((rival.clone(), *value));
            let reading = figure.name.starts_with("reading");
            match rival.as_str() {
                "transformers" if reading => figure.target = Some(*value),
                "llama.cpp" if figure.name.starts_with("writing") => figure.target = Some(value / 2.0),
                "PyTorch + PEFT" if figure.unit == "MB" => figure.target = Some(value / 2.0),
                "PyTorch + PEFT" => figure.target = Some(*value),
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
            "PyTorch + PEFT": {"train_tokens_per_second": {"128": 61.0}},
        });
        let names = ["reading 200 tokens", "writing, one token after another", "LoRA step of 128 tokens"];
        let figures = names.map(|name| Figure::new(name, 60.0, "tokens/s", Better::Higher)).to_vec();
        let mut part =
            Part { name: "generate".to_owned(), device: "cpu".to_owned(), figures, ..Part::default() };
        add(&speeds(&report), &mut part);
        assert_eq!(part.figures[0].reached(), Some(false));
        assert_eq!(part.figures[1].reached(), Some(true));
        assert_eq!(part.figures[1].rivals.len(), 2);
        assert_eq!(part.figures[2].target, Some(61.0));
    }
}
