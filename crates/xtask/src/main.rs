//! Sets up, builds, serves, tests and measures Smolder: `cargo xtask help`.

mod apt;
mod bench;
mod browser;
mod claim;
mod conformance;
mod console;
mod debian;
mod fetch;
mod fuzz;
mod index;
mod licences;
mod lint;
mod page;
mod process;
mod referee;
mod serve;
mod size;
mod stamp;
mod suites;
mod summary;
mod test;
mod toolchain;
mod tools;
mod version;
mod vulkan;
mod wasm_opt;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use workspace::Workspace;

/// Sets up, builds, serves, tests and measures Smolder.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Get the wasm target and the tools that the page needs; the other tasks do this themselves
    Setup,
    /// Build the page and serve it on this machine
    Serve {
        /// Quick build that follows every change of the sources
        #[arg(long)]
        dev: bool,
        /// Port on 127.0.0.1
        #[arg(long, default_value_t = 8080)]
        port: u16,
    },
    /// Run every check and test there is
    Test(test::Options),
    /// Build the page and say how large its wasm is
    Size,
    /// Compare with transformers, PEFT and llama.cpp, which it installs, on tiny models and SmolLM2
    Conformance(conformance::Options),
    /// Measure speed and memory, beside llama.cpp and transformers on the same processor
    Bench(bench::Options),
    /// Hold the dependencies' licences and sources against deny.toml
    Licences,
    /// Get a model for trying and measuring into the user's cache folder
    Fetch {
        /// Which one
        #[arg(value_enum)]
        model: fetch::Model,
    },
}

fn run(task: Task) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    // What builds nothing waits for nobody.
    let builds = !matches!(task, Task::Fetch { .. } | Task::Licences);
    let held = builds.then(|| claim::claim(&workspace.target, &workspace.root)).transpose()?;
    match task {
        Task::Setup => tools::setup(&workspace).map(|_| ExitCode::SUCCESS),
        Task::Serve { dev: true, port } => serve::follow(&workspace, port),
        Task::Serve { dev: false, port } => serve::release(&workspace, port, held),
        Task::Test(options) => Ok(test::run(&workspace, options)),
        Task::Size => size::report(&workspace).map(|()| ExitCode::SUCCESS),
        Task::Conformance(options) => conformance::run(&workspace, &options),
        Task::Bench(options) => bench::run(&workspace, &options),
        Task::Licences => licences::check(&workspace),
        Task::Fetch { model } => fetch::run(&workspace, model).map(|_| ExitCode::SUCCESS),
    }
}

fn main() -> ExitCode {
    run(Arguments::parse().task).unwrap_or_else(|error| {
        console::complain(&error);
        ExitCode::FAILURE
    })
}
