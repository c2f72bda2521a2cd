//! `smolder train --estimate`: what a run would take, without beginning it.

use crate::engine::caught;
use crate::files::Paths;
use crate::output::answer;
use crate::train_text::{self, failure};
use anyhow::{Context, Result, anyhow};
use futures_util::stream;
use smolder_protocol::{Command, Event, TrainConfig};

/// Prints the plan of a run.
pub fn estimate(config: TrainConfig) -> Result<()> {
    let command = Command::Estimate { id: 0, config: Box::new(config) };
    let mut found = None;
    let emit = |event| {
        if let Event::Estimated { plan, .. } = event {
            found = Some(plan);
        }
    };
    let commands = stream::iter([command]);
    caught(|| pollster::block_on(smolder_trainer::run(env!("CARGO_PKG_VERSION"), Paths, commands, emit)))?;
    let found = found.context("the estimate ended without a word")?;
    let plan = found.map_err(|why| anyhow!(failure(&why)))?;
    answer(&train_text::plan(&plan))
}
