//! The program in the terminal.

mod part;
mod rivals;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use smolder_bench::{Part, Report, SIZES, compare, load, table};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

/// Measures Smolder on this machine. `cargo xtask bench` builds it and knows where models and rivals are.
#[derive(Parser)]
struct Arguments {
    /// A GGUF file to read and write with, and to train.
    #[arg(long)]
    model: PathBuf,
    /// Where to compute; both, one after the other, unless said.
    #[arg(long, value_enum)]
    device: Vec<Where>,
    /// What to measure; everything unless said.
    #[arg(long, value_enum)]
    only: Vec<What>,
    /// Measure kernels at the sizes of these models alone.
    #[arg(long)]
    sizes: Vec<String>,
    /// Threads of the CPU device and its rivals; all unless said.
    #[arg(long)]
    threads: Option<usize>,
    /// Write the numbers to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Say what became of the numbers in this file.
    #[arg(long)]
    compare: Option<PathBuf>,
    /// What is measured, for the report.
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
    build: String,
    /// A Python and a script that measures rivals.
    #[arg(long, num_args = 2, value_names = ["PYTHON", "SCRIPT"])]
    rivals: Vec<PathBuf>,
    /// Measure one part here and print it as JSON: what this program calls itself with.
    #[arg(long, hide = true)]
    part: bool,
}

/// Where to compute.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Where {
    Cpu,
    Gpu,
}

/// What to measure.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Kernels,
    Generate,
    Train,
}

/// Measures, or says why not.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let result = if arguments.part { part::run(&arguments) } else { all(&arguments) };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("smolder-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn all(arguments: &Arguments) -> Result<()> {
    if let Some(unknown) = arguments.sizes.iter().find(|name| SIZES.iter().all(|sizes| sizes.name != **name))
    {
        bail!("no sizes are known as {unknown}, but those of {}", SIZES.map(|sizes| sizes.name).join(", "));
    }
    let old = arguments.compare.as_deref().map(read).transpose()?;
    let threads = threads(arguments);
    let mut report = Report { build: arguments.build.clone(), threads, ..Report::default() };
    report.load.extend(load());
    for what in What::value_variants().iter().filter(|what| chosen(arguments, **what)) {
        let rivals = rivals(arguments, *what, threads)?;
        for place in Where::value_variants() {
            if arguments.device.is_empty() || arguments.device.contains(place) {
                let mut part = child(arguments, *what, *place, threads)?;
                rivals::add(&rivals, &mut part);
                report.parts.push(part);
                report.load.extend(load());
            }
        }
    }
    print!("{}", table(&report));
    if let Some(old) = old {
        print!("\n{}", compare(&old, &report));
    }
    arguments.json.as_deref().map_or(Ok(()), |path| write(path, &report))
}

/// What other programs reach at the same; kernels have burn beside them.
fn rivals(arguments: &Arguments, what: What, threads: usize) -> Result<Vec<rivals::Speed>> {
    match arguments.rivals.as_slice() {
        [python, script] if what != What::Kernels => rivals::measure(python, script, &name(&what), threads),
        _ => Ok(Vec::new()),
    }
}

fn chosen(arguments: &Arguments, what: What) -> bool {
    arguments.only.is_empty() || arguments.only.contains(&what)
}

fn threads(arguments: &Arguments) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    arguments.threads.unwrap_or_else(all)
}

/// One part in a fresh process: memory and first times belong to it alone.
fn child(arguments: &Arguments, what: What, place: Where, threads: usize) -> Result<Part> {
    let (what, place) = (name(&what), name(&place));
    eprintln!("==> {what} on the {place}");
    let mut command = Command::new(env::current_exe()?);
    command.arg("--part").arg("--model").arg(&arguments.model).args(["--only", &what, "--device", &place]);
    command.args(arguments.sizes.iter().flat_map(|sizes| ["--sizes", sizes]));
    command.env("RAYON_NUM_THREADS", threads.to_string()).stderr(Stdio::inherit());
    let output = command.output().context("this program cannot call itself")?;
    if !output.status.success() {
        bail!("{what} on the {place} could not be measured: {}", output.status);
    }
    let mut part: Part = serde_json::from_slice(&output.stdout).context("a part is no JSON")?;
    part.device = place;
    Ok(part)
}

/// What it is called on the command line.
fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn read(path: &Path) -> Result<Report> {
    let text = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no report", path.display()))
}

fn write(path: &Path, report: &Report) -> Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    fs::write(path, text + "\n").with_context(|| format!("{} cannot be written", path.display()))
}
