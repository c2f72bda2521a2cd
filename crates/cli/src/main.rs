//! Smolder in the terminal: arguments to commands, events to text.

#![warn(clippy::print_stderr, clippy::print_stdout, reason = "a reader that goes away must not end the work")]

mod adapter;
mod answers;
mod bundled;
mod card;
mod chat;
mod combine;
mod compare;
mod convert;
mod data;
mod devices;
mod download;
mod engine;
mod eval;
mod export;
mod files;
mod generate;
mod hub;
mod inspect;
mod interrupt;
mod library;
mod listing;
mod logits;
mod merge;
mod method_flags;
mod models;
mod open;
mod output;
mod part;
mod pretrain;
mod progress;
mod quantization;
mod quickstart;
mod spec;
mod store;
mod train;
mod train_text;
mod train_view;
mod whole;

use crate::output::tell;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Fine-tune small language models on this machine.
///
/// Without a command, it fine-tunes the tiny model that comes with it, in under a minute.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Show the GPU that Smolder would use, what it can do, and whether its kernels compute correctly.
    Devices(devices::Arguments),
    /// List models to start from; download them and remove them.
    Models(models::Arguments),
    /// Show what a model is: sizes, types, licence, tokenizer, chat template, memory.
    Inspect(inspect::Arguments),
    /// Show what training will see of a dataset: an audit, and rows as tokens with what is learned of them.
    Data(data::Arguments),
    /// Go on from a text; prints what the model adds.
    Generate(generate::Arguments),
    /// Talk with a model; an empty line or /quit ends, Ctrl-C stops an answer.
    Chat(chat::Arguments),
    /// Train an adapter for a model on examples.
    Train(Box<train::Arguments>),
    /// Train methods beside each other on the same examples, each at its defaults, and show what became of them.
    Compare(Box<compare::Arguments>),
    /// Measure a model's loss on examples, perhaps with an adapter.
    Eval(Box<eval::Arguments>),
    /// Compute a model's logits at every position of a text and write them to a safetensors file.
    Logits(logits::Arguments),
    /// Make an adapter part of its model's weights: one GGUF that every program reads.
    Merge(merge::Arguments),
    /// Turn an adapter of another method into a LoRA, the nearest of a rank, and say how near it is.
    Convert(convert::Arguments),
    /// Make one LoRA of several that were trained on one model.
    Combine(combine::Arguments),
    /// Write an adapter for other programs: PEFT, llama.cpp, MLX.
    Export(export::Arguments),
    /// Train a tiny model from nothing but a text.
    Pretrain(pretrain::Arguments),
}

fn main() -> ExitCode {
    smolder_kernels::compute_on_this_thread();
    let result = match Arguments::parse().task {
        None => quickstart::run(),
        Some(Task::Devices(arguments)) => devices::run(&arguments),
        Some(Task::Models(arguments)) => models::run(&arguments),
        Some(Task::Inspect(arguments)) => inspect::run(&arguments),
        Some(Task::Data(arguments)) => data::run(&arguments),
        Some(Task::Generate(arguments)) => generate::run(&arguments),
        Some(Task::Chat(arguments)) => chat::run(&arguments),
        Some(Task::Train(arguments)) => train::run(*arguments),
        Some(Task::Compare(arguments)) => compare::run(*arguments),
        Some(Task::Eval(arguments)) => eval::run(&arguments),
        Some(Task::Logits(arguments)) => logits::run(&arguments),
        Some(Task::Merge(arguments)) => merge::run(&arguments),
        Some(Task::Convert(arguments)) => convert::run(&arguments),
        Some(Task::Combine(arguments)) => combine::run(&arguments),
        Some(Task::Export(arguments)) => export::run(&arguments),
        Some(Task::Pretrain(arguments)) => pretrain::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<interrupt::Stopped>() => ExitCode::from(interrupt::CODE),
        Err(error) => {
            tell!("smolder: {error:#}");
            ExitCode::FAILURE
        }
    }
}
