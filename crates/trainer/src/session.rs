//! Commands in, events out.

use crate::check;
use futures_util::future::{self, Either, FutureExt};
use futures_util::stream::{FusedStream, Stream, StreamExt};
use smolder_kernels::gpu::Gpu;
use smolder_protocol::{Command, Event, Problem};

/// Answers `commands` one after another, telling `emit` what happens, until the stream ends.
///
/// The first event is [`Event::Ready`] with `build`, the identity of the caller's build. A GPU that is lost while
/// no command runs is reported as [`Event::Failed`] and opened anew by the next command that needs one.
pub async fn run(build: &str, commands: impl Stream<Item = Command> + Unpin, mut emit: impl FnMut(Event)) {
    emit(Event::Ready { build: build.to_owned() });
    let mut commands = commands.fuse();
    let mut gpu = None;
    while let Some(command) = next(&mut commands, &mut gpu, &mut emit).await {
        match command {
            Command::Check => {
                let check = check::run(&mut gpu, &mut emit).await;
                emit(Event::Checked(check));
            }
            Command::Methods => emit(Event::Methods(methods::all())),
            Command::Data(command) => todo!(),
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
