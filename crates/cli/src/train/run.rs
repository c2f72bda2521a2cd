//! `smolder train`: settings to a session, its events to the terminal.

use super::estimate::estimate;
use super::{Arguments, Settings};
use crate::engine::caught;
use crate::files::Paths;
use crate::interrupt::{Interrupt, Stopped};
use crate::output::{program, tell};
use crate::train_text::failure;
use crate::train_view::Screen;
use anyhow::{Context, Error, Result, bail};
use futures_util::Stream;
use futures_util::stream;
use smolder_protocol::train::{EndCause, TrainCommand, TrainEvent};
use smolder_protocol::{Command, Event, TrainConfig};
use std::cell::Cell;
use std::task::Poll;

/// Trains, and says where the adapter is.
pub fn run(arguments: Arguments) -> Result<()> {
    let only_estimate = arguments.estimate;
    let Settings { config, resume, log_json: log } = arguments.settings()?;
    if only_estimate {
        return estimate(config);
    }
    let (out, model, smolder) = (config.out.clone(), config.model.clone(), program());
    let mut screen = Screen::open(log.as_deref(), resume)?;
    train((config, resume), &mut |event| screen.show(event))?;
    tell!("The adapter is in {out}. Try it: {smolder} chat --model {model} --adapter {out}");
    Ok(())
}

/// Trains to the end, from the newest checkpoint where the second is set; `show` sees every event but a failure.
pub fn train(run: (TrainConfig, bool), show: &mut dyn FnMut(&TrainEvent) -> Result<()>) -> Result<()> {
    let interrupt = Interrupt::watch()?;
    match caught(|| session(run, &interrupt, show))?? {
        TrainEvent::Finished(end) if end.cause == EndCause::Stopped => Err(Stopped.into()),
        TrainEvent::Finished(_) => Ok(()),
        TrainEvent::Failed(found) => bail!(failure(&found)),
        _ => bail!("training ended without a word: this is a fault of Smolder's, please report it"),
    }
}

/// The last event of a run.
fn session(
    run: (TrainConfig, bool),
    interrupt: &Interrupt,
    show: &mut dyn FnMut(&TrainEvent) -> Result<()>,
) -> Result<TrainEvent> {
    let (state, mut last, mut unwritten) = (Cell::new(State::Asked), None, None);
    let emit = |event: Event| {
        let Event::Train(event) = event else { return };
        if matches!(event, TrainEvent::Failed(_)) {
            state.set(State::Over);
        } else if let Err(error) = show(&event) {
            // A log that cannot be written is a reason to stop, with nothing lost.
            unwritten.get_or_insert(error);
            state.set(State::Stop);
        }
        if matches!(event, TrainEvent::Finished(_)) {
            state.set(State::Over);
        }
        last = Some(event);
    };
    let commands = commands(run, interrupt, &state);
    pollster::block_on(smolder_trainer::run(env!("CARGO_PKG_VERSION"), Paths, commands, emit));
    unwritten.map_or_else(|| last.context("training ended without a word"), |error: Error| Err(error))
}

/// How far a run is, for the commands that follow.
#[derive(Clone, Copy, PartialEq)]
enum State {
    /// It was started.
    Asked,
    /// It is to stop.
    Stop,
    /// It was told to.
    Told,
    /// It ended.
    Over,
}

/// The start, and a stop once Ctrl-C was pressed; asked for between steps.
fn commands(
    (config, resume): (TrainConfig, bool),
    interrupt: &Interrupt,
    state: &Cell<State>,
) -> impl Stream<Item = Command> + Unpin {
    let mut start = Some(Command::Train(TrainCommand::Start { config: Box::new(config), resume }));
    stream::poll_fn(move |_| {
        if start.is_some() {
            return Poll::Ready(start.take());
        }
        let pressed = interrupt.flow().is_break();
        match state.get() {
            State::Over => Poll::Ready(None),
            State::Asked if !pressed => Poll::Pending,
            State::Told => Poll::Pending,
            State::Asked | State::Stop => {
                state.set(State::Told);
                Poll::Ready(Some(Command::Train(TrainCommand::Stop)))
            }
        }
    })
}
