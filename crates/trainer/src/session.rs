//! Commands in, events out.

use crate::check;
use crate::files::Files;
use crate::loaded::Loaded;
use crate::training::{self, OnTheWay};
use futures_util::future::{self, Either, FutureExt};
use futures_util::stream::{FusedStream, Stream, StreamExt};
use smolder_kernels::gpu::Gpu;
use smolder_protocol::train::TrainCommand;
use smolder_protocol::{Command, Event, Problem};
use std::collections::VecDeque;

/// Answers `commands` one after another, telling `emit` what happens, until the stream ends; what they name is found
/// in `files`.
///
/// The first event is [`Event::Ready`] with `build`, the identity of the caller's build. A GPU that is lost while
/// no command runs is reported as [`Event::Failed`] and opened anew by the next command that needs one.
pub async fn run<F: Files>(
    build: &str,
    mut files: F,
    commands: impl Stream<Item = Command> + Unpin,
    mut emit: impl FnMut(Event),
) {
    emit(Event::Ready { build: build.to_owned() });
    let (mut commands, mut later) = (commands.fuse(), VecDeque::new());
    let (mut gpu, mut loaded): (_, Option<Loaded<F::Reader>>) = (None, None);
    loop {
        let command = match later.pop_front() {
            Some(command) => command,
            None => match next(&mut commands, &mut gpu, &mut emit).await {
                Some(command) => command,
                None => return,
            },
        };
        match command {
            Command::Check => {
                let check = check::run(&mut gpu, &mut emit).await;
                emit(Event::Checked(check));
            }
            Command::Train(TrainCommand::Start { config, resume }) => {
                let mut commands = OnTheWay { commands: &mut commands, later: &mut later };
                let state = (&mut gpu, &mut loaded);
                training::start(&mut files, state, (*config, resume), &mut commands, &mut emit).await;
            }
            // Nothing runs that this could be meant for.
            Command::Train(_) => {}
        }
    }
}

/// The next command; reports a GPU lost while waiting.
async fn next(
    commands: &mut (impl FusedStream<Item = Command> + Unpin),
    gpu: &mut Option<Gpu>,
    emit: &mut impl FnMut(Event),
) -> Option<Command> {
    if let Some(open) = gpu {
        match future::select(commands.next(), open.lost().boxed_local()).await {
            Either::Left((command, _)) => return command,
            Either::Right((reason, _)) => {
                *gpu = None;
                emit(Event::Failed(Problem::DeviceLost { reason }));
            }
        }
    }
    commands.next().await
}
