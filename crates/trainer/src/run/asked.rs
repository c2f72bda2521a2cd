//! What a run is told on its way.

use futures_util::FutureExt;
use futures_util::stream::{FusedStream, StreamExt};
use smolder_protocol::train::TrainCommand;
use std::collections::VecDeque;

/// Commands in their order; those that came while something else went on wait.
pub(super) struct Asked<'a> {
    commands: &'a mut (dyn FusedStream<Item = TrainCommand> + Unpin),
    waiting: VecDeque<TrainCommand>,
}

impl<'a> Asked<'a> {
    pub fn new(commands: &'a mut (dyn FusedStream<Item = TrainCommand> + Unpin)) -> Self {
        Self { commands, waiting: VecDeque::new() }
    }

    /// The next one, if one has come.
    pub fn arrived(&mut self) -> Option<TrainCommand> {
        self.hear();
        self.waiting.pop_front()
    }

    /// The next one; where nobody is left who could say to go on, the end.
    pub async fn next(&mut self) -> TrainCommand {
        match self.waiting.pop_front() {
            Some(command) => command,
            None => self.commands.next().await.unwrap_or(TrainCommand::Stop),
        }
    }

    /// Whether the end is asked for, whatever else before it.
    pub fn ends(&mut self) -> bool {
        self.hear();
        self.waiting.contains(&TrainCommand::Stop)
    }

    fn hear(&mut self) {
        while let Some(command) = self.commands.next().now_or_never().flatten() {
            self.waiting.push_back(command);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_channel::mpsc::unbounded;
    use pollster::block_on;

    #[test]
    fn an_end_is_seen_from_afar_and_what_came_before_it_is_kept() {
        let (sender, mut receiver) = unbounded();
        let mut asked = Asked::new(&mut receiver);
        assert!(!asked.ends());
        assert_eq!(asked.arrived(), None);
        let prompt = TrainCommand::Sample { prompt: "p".to_owned() };
        for command in [prompt.clone(), TrainCommand::Pause, TrainCommand::Stop] {
            sender.unbounded_send(command).unwrap();
        }
        assert!(asked.ends());
        assert_eq!(asked.arrived(), Some(prompt));
        assert_eq!(block_on(asked.next()), TrainCommand::Pause);
        assert_eq!(asked.arrived(), Some(TrainCommand::Stop));
        drop(sender);
        assert_eq!(asked.arrived(), None);
        assert_eq!(block_on(asked.next()), TrainCommand::Stop, "nobody is left");
    }
}
