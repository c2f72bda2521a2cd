//! A training run: from names to a written adapter.

mod adapter;
mod asked;
mod card;
mod evaluate;
mod export;
mod failure;
mod open;
mod plan;
mod rows;
mod sample;
mod save;
mod steps;

pub use rows::load as load_rows;

use crate::checkpoint::{Checkpoint, Checkpoints, Nowhere, State, Store};
use crate::data::{Batches, Data};
use crate::early::Judgement;
use crate::files::Files;
use crate::loaded::{Base, Loaded};
use crate::optimizer::Optimizer;
use crate::platform;
use crate::room::Room;
use crate::schedule::Schedule;
use crate::today::today;
use asked::Asked;
use futures_util::stream::FusedStream;
use smolder_formats::adapter::{BaseIdentity, PeftAdapter};
use smolder_kernels::turn;
use smolder_models::peft::{self, Adapter};
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{End, EndCause, Failure, Plan, TrainCommand, TrainEvent, Warning};
use steps::Stepped;

/// Told what happens.
type Emit<'a> = &'a mut dyn FnMut(TrainEvent);

fn warn(emit: Emit<'_>, warnings: impl IntoIterator<Item = Warning>) {
    for warning in warnings {
        emit(TrainEvent::Warned(warning));
    }
}

/// A run between two steps. What a checkpoint holds of it beside tensors is its [`State`].
struct Run<'a, S> {
    config: TrainConfig,
    base: Base<'a>,
    identity: BaseIdentity,
    /// Config, keys and shapes of the adapter's files; its numbers are those that it began with.
    form: PeftAdapter,
    adapter: Box<dyn Adapter>,
    optimizer: Optimizer,
    schedule: Schedule,
    /// Tokens that a row may have.
    seq_len: u32,
    batches: Batches,
    eval: Option<Data>,
    /// Whether prompts are turns of a conversation.
    chat: bool,
    checkpoints: Checkpoints<S>,
    state: State,
    room: Room,
    /// The newest checkpoint's step.
    newest: Option<u64>,
    /// Whether the newest checkpoint lacks something.
    unsaved: bool,
    /// The last evaluation's and the last samples' step.
    evaluated: Option<u64>,
    sampled: Option<u64>,
    start_ms: f64,
}

/// Trains as `config` says on a model that is loaded, from the newest checkpoint where `resume` is set.
///
/// # Errors
/// [`Failure`], where no adapter is written.
pub(crate) async fn train<F: Files>(
    files: &mut F,
    loaded: &mut Loaded<F::Reader>,
    (config, resume): (TrainConfig, bool),
    commands: &mut (impl FusedStream<Item = TrainCommand> + Unpin),
    emit: Emit<'_>,
) -> Result<End, Failure> {
    let stored = open::checkpoints(files, (&config, resume), emit).await?;
    let mut run = open(files, loaded, config, stored, emit).await?;
    let mut asked = Asked::new(commands);
    run.begin(&mut asked, emit).await?;
    let cause = run.steps(&mut asked, emit).await?;
    run.finish(cause, &mut asked, emit).await
}

/// What a run as `config` says would take. Nothing is written.
///
/// # Errors
/// [`Failure`], where it could not begin.
pub(crate) async fn estimate<F: Files>(
    files: &mut F,
    loaded: &mut Loaded<F::Reader>,
    config: TrainConfig,
) -> Result<Plan, Failure> {
    let stored = (Checkpoints::new(Nowhere, config.keep, config.keep_best), None);
    open(files, loaded, config, stored, &mut |_| ()).await?.plan().await
}

/// A run before its first step, or behind the checkpoint's.
async fn open<'a, F: Files, S: Store>(
    files: &mut F,
    loaded: &'a mut Loaded<F::Reader>,
    config: TrainConfig,
    (checkpoints, checkpoint): (Checkpoints<S>, Option<Checkpoint>),
    emit: Emit<'_>,
) -> Result<Run<'a, S>, Failure> {
    let identity = loaded.identity().map_err(failure::input)?;
    let form = open::form(files, loaded, (&config, &identity), checkpoint.as_ref(), emit).await?;
    let base = loaded.base();
    let name = config.adapter.as_deref().filter(|_| checkpoint.is_none()).unwrap_or_default();
    let adapter = peft::load(&form, base.model).map_err(|error| failure::input(error.in_file(name)));
    let prompt = adapter?.lead_len();
    let cut = TrainConfig { seq_len: open::seq_len(&config, base, prompt, emit)?, ..config.clone() };
    // A run that goes on another day goes on with the same rows.
    let day = checkpoint.as_ref().and_then(|one| one.state.day).unwrap_or_else(today);
    let examples = open::examples(files, base, (&cut, day), emit).await?;
    let parts =
        open::Parts { seq_len: cut.seq_len, config, base, identity, form, examples, checkpoints, checkpoint };
    Run::assemble(parts, emit)
}

impl<S: Store> Run<'_, S> {
    /// Says what will happen, and leaves something to go on from before the first step.
    async fn begin(&mut self, asked: &mut Asked<'_>, emit: Emit<'_>) -> Result<(), Failure> {
        emit(TrainEvent::Started(self.plan().await?));
        if self.newest.is_some() {
            return Ok(());
        }
        self.sample_all(asked, emit).await?;
        self.evaluate(asked, emit).await?;
        self.save(emit).await.map_err(|error| failure::unsaved(&error))
    }

    /// Steps until there is a reason to end.
    async fn steps(&mut self, asked: &mut Asked<'_>, emit: Emit<'_>) -> Result<EndCause, Failure> {
        if self.catch_up(asked, emit).await? {
            return Ok(EndCause::EarlyStopping);
        }
        loop {
            turn().await;
            if self.obey(asked, emit).await? {
                return Ok(EndCause::Stopped);
            }
            if self.state.step >= self.schedule.total {
                return Ok(EndCause::Complete);
            }
            let stepped = self.step(emit).await?;
            if self.after(stepped, asked, emit).await? {
                return Ok(EndCause::EarlyStopping);
            }
        }
    }

    /// What is due behind a step; whether to stop early.
    async fn after(
        &mut self,
        stepped: Stepped,
        asked: &mut Asked<'_>,
        emit: Emit<'_>,
    ) -> Result<bool, Failure> {
        let step = self.state.step;
        let due = |every: Option<u64>| every.is_some_and(|every| step.is_multiple_of(every));
        if due(self.config.sample_every) {
            self.sample_all(asked, emit).await?;
        }
        let judged = match self.config.eval_every {
            None if !stepped.ends_epoch => None,
            Some(every) if !due(Some(every)) => None,
            _ => self.evaluate(asked, emit).await?,
        };
        // Skipped steps are no progress: a checkpoint of them would hide the one to return to.
        if self.keeps(judged) || (stepped.updated && due(Some(self.config.checkpoint_every))) {
            self.save_or_warn(emit).await;
        }
        Ok(judged.is_some_and(|judged| judged.stop))
    }

    /// Does an evaluation that was broken off, so that the run ends as if it had not been; whether to stop early, which may
    /// have been decided before the run was broken off.
    async fn catch_up(&mut self, asked: &mut Asked<'_>, emit: Emit<'_>) -> Result<bool, Failure> {
        if !self.state.evaluations.owed {
            return Ok(self.state.evaluations.are_over(self.config.patience));
        }
        let judged = self.evaluate(asked, emit).await?;
        if self.keeps(judged) {
            self.save_or_warn(emit).await;
        }
        Ok(judged.is_some_and(|judged| judged.stop))
    }

    fn keeps(&self, judged: Option<Judgement>) -> bool {
        judged.is_some_and(|judged| judged.best && self.config.keep_best)
    }

    /// Does what was asked for meanwhile; whether that was to end.
    async fn obey(&mut self, asked: &mut Asked<'_>, emit: Emit<'_>) -> Result<bool, Failure> {
        let mut paused = false;
        loop {
            let command = if paused {
                asked.next().await
            } else {
                match asked.arrived() {
                    Some(command) => command,
                    None => return Ok(false),
                }
            };
            match command {
                TrainCommand::Stop => return Ok(true),
                TrainCommand::Continue => paused = false,
                TrainCommand::Pause => {
                    self.save_or_warn(emit).await;
                    emit(TrainEvent::Paused { step: self.state.step });
                    paused = true;
                }
                TrainCommand::Sample { prompt } => self.sample(&prompt, asked, emit).await?,
                TrainCommand::Save if self.unsaved => self.save_or_warn(emit).await,
                // Nothing is new; and the session keeps what begins another run for later.
                TrainCommand::Save | TrainCommand::Start { .. } => {}
            }
        }
    }

    /// The last look, the last checkpoint, and the adapter.
    async fn finish(
        &mut self,
        cause: EndCause,
        asked: &mut Asked<'_>,
        emit: Emit<'_>,
    ) -> Result<End, Failure> {
        if cause != EndCause::Stopped {
            if self.evaluated != Some(self.state.step) {
                self.evaluate(asked, emit).await?;
            }
            if self.sampled != Some(self.state.step) {
                self.sample_all(asked, emit).await?;
            }
        }
        let saved = if self.unsaved { self.save(emit).await } else { Ok(()) };
        self.export(cause, emit).await?;
        // Only with a checkpoint has a run that was stopped kept what it did.
        saved.map_err(|error| failure::unsaved(&error))?;
        let State { step, loss, .. } = self.state;
        let duration_secs = (platform::now_ms() - self.start_ms) / 1e3;
        Ok(End { cause, step, loss, best: self.state.evaluations.best, duration_secs })
    }
}
