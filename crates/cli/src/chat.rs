//! `smolder chat`: turns of a person and a model.

use crate::engine::{self, Engine};
use crate::generate::{Writing, report, write};
use crate::open::options;
use crate::output::{Output, remark, tell};
use anyhow::{Context, Error, Result};
use smolder_formats::template::Message;
use smolder_models::generate::{GenerateError, Generator, Settings};
use smolder_models::open::message;
use std::io::{BufRead, IsTerminal, Write};
use std::ops::ControlFlow;

/// Options of `smolder chat`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    engine: engine::Options,
    /// What the model is told before the conversation.
    #[arg(long, allow_hyphen_values = true)]
    system: Option<String>,
    /// Tokens that the whole conversation may have; each takes memory.
    #[arg(long, default_value_t = 2048)]
    context: usize,
    #[command(flatten)]
    writing: Writing,
}

/// Answers each line of standard input until an empty one, /quit, or the end.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut settings = arguments.writing.settings()?;
    let engine = Engine::start(&arguments.engine)?;
    settings.ends.clone_from(&engine.ends);
    if engine.template.is_built_in() {
        tell!("The model has no chat template: the built-in ChatML is used.");
    }
    remark("An empty line or /quit ends; Ctrl-C stops an answer.");
    let generator =
        engine.attempt(|| Ok(Generator::new(&engine.model, &*engine.adapter, 1, arguments.context)?))?;
    let messages = arguments.system.iter().map(|text| message("system", text)).collect();
    let mut chat = Chat { engine: &engine, generator, settings, messages };
    let mut output = Output::new();
    while let Some(line) = question(&engine)? {
        if chat.answer(&line, &mut output)?.is_break() {
            break;
        }
    }
    output.finish()
}

/// What the person says next; nothing at the end.
fn question(engine: &Engine) -> Result<Option<String>> {
    loop {
        let line = line(engine)?;
        let Ok(text) = str::from_utf8(&line) else {
            tell!("This line is not UTF-8 text and cannot be answered: write it again in UTF-8.");
            continue;
        };
        let text = text.trim();
        return Ok(Some(text.to_owned()).filter(|text| !text.is_empty() && text != "/quit"));
    }
}

/// A line of standard input, empty at its end.
fn line(engine: &Engine) -> Result<Vec<u8>> {
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        let _ = write!(std::io::stderr(), "> ");
        // Where the sign does not arrive the conversation goes on.
        let _ = std::io::stderr().flush();
    }
    engine.interrupt.idle();
    let mut line = Vec::new();
    std::io::stdin().lock().read_until(b'\n', &mut line).context("standard input cannot be read")?;
    engine.interrupt.busy();
    Ok(line)
}

struct Chat<'a> {
    engine: &'a Engine,
    generator: Generator<'a>,
    settings: Settings,
    messages: Vec<Message>,
}

impl Chat<'_> {
    /// Answers, and remembers both; breaks where nobody reads the answer.
    fn answer(&mut self, question: &str, output: &mut Output) -> Result<ControlFlow<()>> {
        self.messages.push(message("user", question));
        let prompt = [self.prompt()?];
        let (mut answer, mut gone) = (String::new(), ControlFlow::Continue(()));
        let mut each = |_: usize, text: &str| {
            answer += text;
            gone = output.show(text);
            gone
        };
        let summaries = self
            .engine
            .attempt(|| write(&mut self.generator, self.engine, &prompt, &self.settings, &mut each));
        output.end_line();
        match summaries {
            Err(error) if matches!(error.downcast_ref(), Some(GenerateError::Context { .. })) => {
                self.take_back(&error);
                return Ok(ControlFlow::Continue(()));
            }
            other => other?.iter().for_each(report),
        }
        self.messages.push(message("assistant", &answer));
        Ok(gone)
    }

    /// The conversation goes on without a line that there is no room for.
    fn take_back(&mut self, error: &Error) {
        self.messages.pop();
        tell!("This line does not fit: say it shorter, or start anew with more --context. {error}");
    }

    /// The whole conversation; the generator finds out what of it is new.
    fn prompt(&self) -> Result<Vec<u32>> {
        let Engine { tokenizer, template, .. } = self.engine;
        let rendered = template.render(tokenizer, &self.messages, true, &options(tokenizer))?;
        Ok(rendered.encode(&mut tokenizer.encoder()).0)
    }
}
