//! Smolder in the terminal: arguments to commands, events to text.

mod adapter;
mod chat;
mod data;
mod devices;
mod download;
mod engine;
mod eval;
mod files;
mod generate;
mod hub;
mod inspect;
mod interrupt;
mod library;
mod listing;
mod logits;
mod method_flags;
mod models;
mod open;
mod output;
mod part;
mod progress;
mod spec;
mod store;
mod train;
mod train_text;
mod train_view;

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
    /// List models to start from; download them and remove them.
    Models(models::Arguments),
    /// Show what a GGUF model is: sizes, types, licence, tokenizer, chat template, memory.
    Inspect(inspect::Arguments),
    /// Show what training will see of a dataset: an audit, and rows as tokens with what is learned of them.
    Data(data::Arguments),
    /// Go on from a text; prints what the model adds.
    Generate(generate::Arguments),
    /// Talk with a model; an empty line or /quit ends, Ctrl-C stops an answer.
    Chat(chat::Arguments),
    /// Train an adapter for a model on examples.
    Train(Box<train::Arguments>),
    /// Measure a model's loss on examples, perhaps with an adapter.
    Eval(Box<eval::Arguments>),
    /// Compute a model's logits at every position of a text and write them to a safetensors file.
    Logits(logits::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Devices(arguments) => devices::run(&arguments),
        Task::Models(arguments) => models::run(&arguments),
        Task::Inspect(arguments) => inspect::run(&arguments),
        Task::Data(arguments) => data::run(&arguments),
        Task::Generate(arguments) => generate::run(&arguments),
        Task::Chat(arguments) => chat::run(&arguments),
        Task::Train(arguments) => train::run(*arguments),
        Task::Eval(arguments) => eval::run(&arguments),
        Task::Logits(arguments) => logits::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<interrupt::Stopped>() => ExitCode::from(interrupt::CODE),
        Err(error) => {
            eprintln!("smolder: {error:#}");
            ExitCode::FAILURE
        }
    }
}
