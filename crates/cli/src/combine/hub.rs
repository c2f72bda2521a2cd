//! `smolder combine --how lorahub`: weights that make the loss on a few examples least.

use super::Arguments;
use crate::data::Learn;
use crate::engine::{self, Engine, Wanted};
use crate::output::tell;
use crate::{eval, open};
use anyhow::{Context, Result, ensure};
use smolder_formats::adapter::PeftAdapter;
use smolder_models::{Approximation, Combination, Sign, Way, Weights, combine, peft, search};
use smolder_protocol::TrainConfig;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// What it is called beside PEFT's ways.
pub const NAME: &str = "lorahub";
/// Rows that are computed at once.
const ROWS: u32 = 8;

/// Options of `--how lorahub` alone.
#[derive(clap::Args)]
pub struct Options {
    /// With lorahub: the examples, a file as of `smolder train` or `smolder eval`; few do.
    #[arg(long)]
    data: Option<PathBuf>,
    /// With lorahub: rename a column of the examples, as in question=prompt; may be repeated.
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<String>,
    /// With lorahub: put prompt and completion one behind the other, without the chat template.
    #[arg(long)]
    raw: bool,
    /// With lorahub: what the loss is taken on.
    #[arg(long, value_enum, default_value_t = Learn::Assistant)]
    loss_on: Learn,
    /// With lorahub: tokens of a row at most.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(2..))]
    seq_len: u32,
    /// With lorahub: how many weights are tried.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    trials: u32,
    /// With lorahub: where to compute; auto takes a GPU, unless there is none but a software renderer.
    #[arg(long, value_enum, default_value = "auto")]
    device: Wanted,
}

/// Refuses what the other ways have no use for.
pub fn refuse(options: &Options) -> Result<()> {
    ensure!(options.data.is_none(), "--data is for --how {NAME}: the other ways look at no examples");
    Ok(())
}

/// The LoRA, and the weights that were found.
pub fn run(arguments: &Arguments, adapters: Vec<PeftAdapter>) -> Result<(Approximation, Weights)> {
    let given = arguments.adapters.iter().find(|(_, weight)| (weight - 1.0).abs() > 0.0);
    if let Some((path, weight)) = given {
        anyhow::bail!("{}:{weight}: --how {NAME} finds the weights itself, so give none", path.display());
    }
    let options = &arguments.hub;
    let path = options.data.as_ref();
    let path =
        path.with_context(|| format!("--how {NAME} needs --data: the examples that weights are tried on"))?;
    let settings = Combination {
        way: Way::Hub,
        rank: arguments.rank,
        density: arguments.density,
        sign: Sign::Total,
        seed: arguments.seed,
    };
    let file = open::data(path)?;
    let engine = Engine::start(&engine::Options::new(arguments.model.clone(), None, options.device))?;
    let config = TrainConfig {
        map: options.map.clone(),
        raw: options.raw,
        loss_on: options.loss_on.into(),
        seq_len: options.seq_len,
        ..TrainConfig::default()
    };
    let data = eval::examples(&engine, file, &config)?;
    let mut hub = Hub { engine, adapters: adapters.into_iter().map(|one| (one, 0.0)).collect(), settings };
    let tried = async |weights: &[f64]| {
        hub.engine.adapter = peft::load(&hub.combined(weights).await?.lora.to_peft(), &hub.engine.model)?;
        Ok::<_, anyhow::Error>(f64::from(eval::loss(&hub.engine, &data, ROWS)?.loss))
    };
    let found = search(arguments.adapters.len(), options.trials, arguments.seed, tried);
    let found = pollster::block_on(found)?;
    let weights: Vec<String> = found.weights.iter().map(|weight| format!("{weight:.4}")).collect();
    tell!("Weights {}: loss {:.4}, without adapters {:.4}.", weights.join(", "), found.loss, found.base);
    let combined = pollster::block_on(hub.combined(&found.weights))?;
    Ok((combined, found))
}

struct Hub {
    engine: Engine,
    adapters: Vec<(PeftAdapter, f64)>,
    settings: Combination,
}

impl Hub {
    async fn combined(&mut self, weights: &[f64]) -> Result<Approximation> {
        self.adapters.iter_mut().zip(weights).for_each(|((_, old), new)| *old = *new);
        let go_on = &mut |_, _| ControlFlow::Continue(());
        let config = self.engine.model.config();
        Ok(combine(&self.adapters, &self.settings, config, go_on).await?)
    }
}
