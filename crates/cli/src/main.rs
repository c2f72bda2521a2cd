//! Smolder in the terminal: arguments to commands, events to text.

mod devices;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Fine-tune small language models on this machine.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Show the GPU that Smolder would use, what it can do, and whether its kernels compute correctly.
    Devices(devices::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Devices(arguments) => devices::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("smolder: {error:#}");
            ExitCode::FAILURE
        }
    }
}
