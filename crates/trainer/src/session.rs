//! Commands in, events out.

use futures_util::{Stream, StreamExt};
use smolder_protocol::{Check, Command, Event};

/// Answers `commands` one after another, telling `emit` what happens, until the stream ends.
///
/// The first event is [`Event::Ready`] with `build`, the identity of the caller's build.
pub async fn run(
    build: &str,
    mut commands: impl Stream<Item = Command> + Unpin,
    mut emit: impl FnMut(Event),
) {
    emit(Event::Ready { build: build.to_owned() });
    while let Some(command) = commands.next().await {
        match command {
            Command::Check => emit(Event::Checked(Check::default())),
        }
    }
}
