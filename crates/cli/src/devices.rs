//! `smolder devices`: the report that the page's Check screen shows.

use crate::files::Paths;
use crate::output::tell;
use anyhow::{Context, Result};
use futures_util::stream;
use smolder_protocol::{Adapter, AdapterKind, Check, Command, Event, Problem, Stage};
use std::io::{IsTerminal, Write};

/// Options of `smolder devices`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the check and prints its report.
pub fn run(arguments: &Arguments) -> Result<()> {
    let check = check().context("the check ended without a report")?;
    let text = if arguments.json { serde_json::to_string_pretty(&check)? + "\n" } else { report(&check) };
    std::io::stdout().write_all(text.as_bytes()).context("printing the report")
}

fn check() -> Option<Check> {
    let mut result = None;
    pollster::block_on(smolder_trainer::run(
        env!("CARGO_PKG_VERSION"),
        Paths,
        stream::iter([Command::Check]),
        |event| match event {
            Event::Progress(stage) => show(stage),
            Event::Checked(check) => result = Some(check),
            _ => {}
        },
    ));
    result
}

/// What is happening, for a person who waits; nothing in a pipe.
fn show(stage: Stage) {
    if std::io::stderr().is_terminal() {
        let sentence = match stage {
            Stage::Adapter => "Asking for a GPU …",
            Stage::SelfTest => "Compiling and testing a kernel on it …",
            Stage::Storage => "Looking for free space …",
        };
        tell!("{sentence}");
    }
}

fn report(check: &Check) -> String {
    let mut lines = check.adapter.as_ref().map(describe).unwrap_or_default();
    if let Some(test) = &check.self_test {
        let verdict = if test.passed { "passed" } else { "FAILED" };
        let (kernel, error, ms) = (&test.kernel, test.max_error, test.duration_ms);
        lines.push(("Self test", format!("{verdict}: {kernel}, largest error {error:.1e}, {ms:.0} ms")));
    }
    lines.push(("CPU", format!("{} threads", check.cpu_threads)));
    if let Some(storage) = check.storage {
        lines.push(("Free space", bytes(storage.free_bytes)));
    }
    let facts = lines.into_iter().map(|(name, value)| format!("{name:<12}{value}"));
    let advice = check.problems.iter().map(|problem| format!("- {}", advice(problem)));
    let text: Vec<String> = facts.chain([String::new(), verdict(check).to_owned()]).chain(advice).collect();
    text.join("\n") + "\n"
}

fn describe(adapter: &Adapter) -> Vec<(&'static str, String)> {
    let limits = &adapter.limits;
    let subgroups = adapter.subgroups.map_or("no".to_owned(), |s| format!("{} to {}", s.min, s.max));
    vec![
        ("GPU", format!("{} ({})", adapter.name, kind(adapter.kind))),
        ("Driver", adapter.driver.clone()),
        ("Backend", adapter.backend.clone()),
        (
            "Buffers",
            format!("up to {}, {} bound at once", bytes(limits.buffer_bytes), bytes(limits.binding_bytes)),
        ),
        ("Bindings", format!("{} storage buffers a shader", limits.storage_buffers)),
        (
            "Workgroups",
            format!(
                "{} invocations, {} shared, {} a dimension",
                limits.workgroup_invocations,
                bytes(limits.workgroup_bytes.into()),
                limits.workgroups
            ),
        ),
        ("f16", if adapter.f16 { "yes" } else { "no" }.to_owned()),
        ("Subgroups", subgroups),
        ("Timestamps", if adapter.timestamps { "yes" } else { "no" }.to_owned()),
    ]
}

fn kind(kind: AdapterKind) -> &'static str {
    match kind {
        AdapterKind::Discrete => "graphics card",
        AdapterKind::Integrated => "integrated",
        AdapterKind::Virtual => "virtual",
        AdapterKind::Software => "software renderer",
        AdapterKind::Unknown => "unknown kind",
    }
}

fn verdict(check: &Check) -> &'static str {
    if !check.gpu_usable() {
        "Training will use the CPU."
    } else if check.problems.contains(&Problem::SoftwareAdapter) {
        "Training can use this GPU, slowly."
    } else {
        "Ready to train on this GPU."
    }
}

/// What is the matter and what to do about it.
pub fn advice(problem: &Problem) -> String {
    match problem {
        Problem::NoWebGpu | Problem::InsecureContext => {
            "This platform hides its GPU. Run Smolder as a native program.".to_owned()
        }
        Problem::NoAdapter => {
            "No GPU with a Vulkan, Metal, DX12 or OpenGL driver was found. Install your GPU's driver, or \
            Mesa's software one (Debian: apt install mesa-vulkan-drivers)."
                .to_owned()
        }
        Problem::DeviceRefused { reason } => {
            format!(
                "The GPU is there but did not open: {reason}. Close other programs that use it, or update its driver."
            )
        }
        Problem::DeviceLost { reason } => {
            format!("The GPU was lost: {reason}. Try again; if it happens again, update its driver.")
        }
        Problem::KernelsWrong { reason } => {
            format!("The GPU computes wrong results, so it will not be used: {reason}. Update its driver.")
        }
        Problem::LimitTooSmall { limit, needed, found } => {
            format!(
                "The GPU offers {limit} {found} and Smolder needs {needed}. Update its driver, or use the CPU."
            )
        }
        Problem::SoftwareAdapter => {
            "This is a software renderer, not a GPU: results are right, training is slow. If \
            the machine has a GPU, install its driver."
                .to_owned()
        }
        Problem::NoF16 => {
            "No 16-bit floats: no matter, training computes with 32 bits on every GPU.".to_owned()
        }
    }
}

/// Bytes in the binary unit that fits: 128 MiB.
fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = (count.max(1).ilog2() / 10).min(4);
    let value = count as f64 / (1_u64 << (10 * unit)) as f64;
    let digits = usize::from(value.fract() != 0.0 && value < 100.0);
    format!("{value:.digits$} {}", units[unit as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_choose_their_unit() {
        let shown = [0, 1023, 16 << 10, 128 << 20, (4 << 30) + (1 << 29), 200 << 40].map(bytes);
        assert_eq!(shown, ["0 B", "1023 B", "16 KiB", "128 MiB", "4.5 GiB", "200 TiB"]);
    }

    #[test]
    fn without_a_gpu_the_report_says_what_happens_and_what_to_do() {
        let check = Check { cpu_threads: 2, problems: vec![Problem::NoAdapter], ..Check::default() };
        let text = report(&check);
        assert!(text.starts_with("CPU         2 threads\n\nTraining will use the CPU.\n- No GPU"), "{text}");
    }
}
