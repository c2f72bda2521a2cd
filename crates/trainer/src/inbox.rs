//! Commands as they come, also while one is being answered.

use futures_util::stream::{Fuse, FusedStream, Stream, StreamExt};
use futures_util::{FutureExt, future};
use smolder_kernels::gpu::Gpu;
use smolder_protocol::Command;
use smolder_protocol::train::TrainCommand;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a front end has sent, in its order.
#[derive(Debug)]
pub(crate) struct Inbox<S> {
    stream: Fuse<S>,
    /// Arrived while another command was being answered.
    waiting: VecDeque<Command>,
}

/// What a session that waits hears.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The front end.
    Command(Command),
    /// The GPU is gone, for this reason.
    Lost(String),
}

impl<S: Stream<Item = Command> + Unpin> Inbox<S> {
    pub fn new(commands: S) -> Self {
        Self { stream: commands.fuse(), waiting: VecDeque::new() }
    }

    /// The next command, or the loss of the GPU while nothing was asked for; nothing at the end.
    pub async fn next(&mut self, gpu: Option<&Gpu>) -> Option<Heard> {
        if let Some(command) = self.waiting.pop_front() {
            return Some(Heard::Command(command));
        }
        let Some(gpu) = gpu else { return self.stream.next().await.map(Heard::Command) };
        match future::select(self.stream.next(), gpu.lost().boxed_local()).await {
            future::Either::Left((command, _)) => command.map(Heard::Command),
            future::Either::Right((reason, _)) => Some(Heard::Lost(reason)),
        }
    }

    /// Takes the first arrived command that is `meant`, if there is one, without waiting; the others stay.
    pub fn take(&mut self, meant: impl Fn(&Command) -> bool) -> Option<Command> {
        while let Some(Some(command)) = self.stream.next().now_or_never() {
            self.waiting.push_back(command);
        }
        let index = self.waiting.iter().position(meant)?;
        self.waiting.remove(index)
    }

    /// What a run is told on its way; all else waits.
    pub fn of_run(&mut self) -> OfRun<'_, S> {
        OfRun { inbox: self }
    }

    /// Whether [`Command::Cancel`] has arrived.
    pub fn cancelled(&mut self) -> bool {
        self.take(|command| *command == Command::Cancel).is_some()
    }
}

/// See [`Inbox::of_run`].
#[derive(Debug)]
pub(crate) struct OfRun<'a, S> {
    inbox: &'a mut Inbox<S>,
}

impl<S: Stream<Item = Command> + Unpin> Stream for OfRun<'_, S> {
    type Item = TrainCommand;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<TrainCommand>> {
        loop {
            match std::task::ready!(Pin::new(&mut self.inbox.stream).poll_next(context)) {
                Some(Command::Train(command)) if !matches!(command, TrainCommand::Start { .. }) => {
                    return Poll::Ready(Some(command));
                }
                Some(other) => self.inbox.waiting.push_back(other),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<S: Stream<Item = Command> + Unpin> FusedStream for OfRun<'_, S> {
    fn is_terminated(&self) -> bool {
        self.inbox.stream.is_terminated()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_channel::mpsc::unbounded;
    use pollster::block_on;

    fn next(inbox: &mut Inbox<impl Stream<Item = Command> + Unpin>) -> Option<Command> {
        match block_on(inbox.next(None)) {
            Some(Heard::Command(command)) => Some(command),
            _ => None,
        }
    }

    #[test]
    fn what_is_not_meant_waits_in_its_order() {
        let (sender, receiver) = unbounded();
        let mut inbox = Inbox::new(receiver);
        assert!(!inbox.cancelled());
        let unload = Command::Model(smolder_protocol::ModelCommand::Unload);
        for command in [Command::Check, Command::Cancel, unload.clone()] {
            sender.unbounded_send(command).unwrap();
        }
        assert!(inbox.cancelled());
        assert!(!inbox.cancelled(), "it was taken");
        sender.unbounded_send(Command::Cancel).unwrap();
        drop(sender);
        assert_eq!([next(&mut inbox), next(&mut inbox)], [Some(Command::Check), Some(unload)]);
        assert_eq!([next(&mut inbox), next(&mut inbox)], [Some(Command::Cancel), None]);
    }
}
