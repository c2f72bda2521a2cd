//! [`Command::Train`]: the run of a session, and the commands that reach it on its way.

use crate::compute::Compute;
use crate::files::Files;
use crate::loaded::Loaded;
use crate::run;
use futures_util::stream::{FusedStream, Stream};
use smolder_kernels::gpu::Gpu;
use smolder_protocol::train::{Failure, TrainCommand, TrainEvent};
use smolder_protocol::{Command, Event, TrainConfig};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Loads what the settings name, unless it is loaded, and trains.
pub(crate) async fn start<F: Files>(
    files: &mut F,
    (gpu, loaded): (&mut Option<Gpu>, &mut Option<Loaded<F::Reader>>),
    (config, resume): (TrainConfig, bool),
    commands: &mut (impl FusedStream<Item = TrainCommand> + Unpin),
    emit: &mut impl FnMut(Event),
) {
    let mut tell = |event| emit(Event::Train(event));
    let ended = match ready(files, gpu, loaded, &config).await {
        Ok(loaded) => run::train(files, loaded, (config, resume), commands, &mut tell).await,
        Err(failure) => Err(failure),
    };
    if matches!(ended, Err(Failure::Device(_) | Failure::OutOfMemory { .. })) {
        // What is on a device that failed is not known.
        *loaded = None;
    }
    tell(ended.map_or_else(TrainEvent::Failed, TrainEvent::Finished));
}

/// The model that the settings name, on the device that they name.
async fn ready<'a, F: Files>(
    files: &mut F,
    gpu: &mut Option<Gpu>,
    loaded: &'a mut Option<Loaded<F::Reader>>,
    config: &TrainConfig,
) -> Result<&'a mut Loaded<F::Reader>, Failure> {
    let problems = config.problems();
    if !problems.is_empty() {
        return Err(Failure::Settings(problems));
    }
    let compute = Compute::choose(config.device, gpu).await.map_err(Failure::Device)?;
    let here = |one: &Loaded<F::Reader>| one.name == config.model && one.compute.device() == compute.device();
    if !loaded.as_ref().is_some_and(here) {
        // Before the new one is there, the old one is gone: there may be no room for both.
        *loaded = None;
        let new = Loaded::load(files, &config.model, compute).await;
        *loaded = Some(new.map_err(|reason| Failure::Input { reason })?);
    }
    loaded.as_mut().ok_or(Failure::Input { reason: config.model.clone() })
}

/// What a run is told on its way; all else waits in `later`.
pub(crate) struct OnTheWay<'a, S> {
    pub commands: &'a mut S,
    pub later: &'a mut VecDeque<Command>,
}

impl<S: FusedStream<Item = Command> + Unpin> Stream for OnTheWay<'_, S> {
    type Item = TrainCommand;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<TrainCommand>> {
        loop {
            match std::task::ready!(Pin::new(&mut *self.commands).poll_next(context)) {
                Some(Command::Train(command)) if !matches!(command, TrainCommand::Start { .. }) => {
                    return Poll::Ready(Some(command));
                }
                Some(other) => self.later.push_back(other),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<S: FusedStream<Item = Command> + Unpin> FusedStream for OnTheWay<'_, S> {
    fn is_terminated(&self) -> bool {
        self.commands.is_terminated()
    }
}
