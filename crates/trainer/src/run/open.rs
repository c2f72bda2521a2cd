//! From settings to a run that can take its first step.

use super::{Emit, Run, adapter, export, failure, rows, warn};
use crate::checkpoint::{Checkpoint, Checkpoints, Found, State, Store};
use crate::data::{self, Batches, Batching, Data};
use crate::early::Evaluations;
use crate::files::Files;
use crate::loaded::{Base, Loaded};
use crate::optimizer::{Optimizer, Settings};
use crate::room::Room;
use crate::schedule::Schedule;
use crate::{dropout, platform};
use smolder_formats::adapter::{BaseIdentity, PeftAdapter};
use smolder_formats::dataset::Format;
use smolder_formats::template::Date;
use smolder_models::peft::{Adapter, Method, Options};
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{Failure, TrainEvent, Warning};

/// What is trained and evaluated on.
pub(super) struct Examples {
    train: Data,
    eval: Option<Data>,
    chat: bool,
    day: Date,
}

/// The checkpoints in the run's folder, and the one to go on from.
pub(super) async fn checkpoints<F: Files>(
    files: &mut F,
    (config, resume): (&TrainConfig, bool),
    emit: Emit<'_>,
) -> Result<(Checkpoints<F::Store>, Option<Checkpoint>), Failure> {
    let store = files.store(&config.out).await.map_err(|error| failure::storage(&error))?;
    let mut checkpoints = Checkpoints::new(store, config.keep, config.keep_best);
    if resume {
        let found = checkpoints.newest().await.map_err(|error| failure::storage(&error))?;
        let Found { checkpoint, warnings } = found;
        let none_whole = checkpoint.is_none() && !warnings.is_empty();
        warn(emit, warnings);
        if none_whole {
            let found = "none but damaged ones: begin anew in another folder";
            return Err(failure::input(format!(
                "{}: expected a whole checkpoint, found {found}",
                config.out
            )));
        }
        return Ok((checkpoints, checkpoint));
    }
    if !checkpoints.is_empty().await.map_err(|error| failure::storage(&error))? {
        let found = "those of a run before: resume it, or name another folder";
        return Err(failure::input(format!("{}: expected no checkpoints, found {found}", config.out)));
    }
    let files = checkpoints.store().list().await.map_err(|error| failure::storage(&error))?;
    // Nothing that somebody wrote is replaced without a word.
    if let Some(file) = files.iter().find(|name| export::FILES.contains(&name.as_str())) {
        let found = "one that is there: name another folder";
        return Err(failure::input(format!("{}: expected no {file}, found {found}", config.out)));
    }
    Ok((checkpoints, None))
}

/// The adapter to begin with.
pub(super) async fn form<F: Files>(
    files: &mut F,
    loaded: &mut Loaded<F::Reader>,
    (config, identity): (&TrainConfig, &BaseIdentity),
    checkpoint: Option<&Checkpoint>,
    emit: Emit<'_>,
) -> Result<PeftAdapter, Failure> {
    match (checkpoint, &config.adapter) {
        (Some(checkpoint), _) => adapter::of_checkpoint(checkpoint),
        (None, Some(name)) => adapter::continued(files, &mut loaded.opened, (name, identity), emit).await,
        (None, None) => adapter::fresh(config, loaded.base()).await,
    }
}

/// Tokens that a row may have: those asked for, as far as the context reaches.
pub(super) fn seq_len(
    config: &TrainConfig,
    base: Base<'_>,
    prompt: usize,
    emit: Emit<'_>,
) -> Result<u32, Failure> {
    let (wanted, context) = (config.seq_len, context(base, prompt));
    if context < 2 {
        let found = format!("{context} beside {prompt} virtual ones");
        return Err(failure::input(format!("context: expected room for 2 tokens or more, found {found}")));
    }
    if wanted > context {
        emit(TrainEvent::Warned(Warning::SeqLenLowered { wanted, context }));
    }
    Ok(wanted.min(context))
}

/// Tokens that the model can read behind `prompt` virtual ones.
pub(super) fn context(base: Base<'_>, prompt: usize) -> u32 {
    let context = base.model.config().sizes.context.saturating_sub(prompt as u64);
    u32::try_from(context).unwrap_or(u32::MAX)
}

/// Reads the data.
pub(super) async fn examples<F: Files>(
    files: &mut F,
    base: Base<'_>,
    (config, context, day): (&TrainConfig, u32, Date),
    emit: Emit<'_>,
) -> Result<Examples, Failure> {
    let mut read = async |files: &mut F, name: &str| {
        let source = files.data(name).await.map_err(failure::input)?;
        let (rows, format) = rows::load(source, (base.tokenizer, base.template), config, day)?;
        warn(emit, rows.warnings(config.seq_len, context));
        Ok::<_, Failure>((rows.rows, format))
    };
    let (train, format) = read(files, &config.data).await?;
    let eval = match &config.eval_data {
        Some(name) => Some(read(files, name).await?.0),
        None => None,
    };
    let divided = data::Examples::new(train, eval, config).map_err(|_| Failure::NothingToLearn)?;
    let data::Examples { train, eval } = divided;
    if config.eval_split.is_some() && eval.is_none() {
        emit(TrainEvent::Warned(Warning::NothingToEvaluate));
    }
    Ok(Examples { train, eval, chat: !config.raw && format != Some(Format::Text), day })
}

/// All that a run is made of.
pub(super) struct Parts<'a, S> {
    pub config: TrainConfig,
    pub seq_len: u32,
    pub base: Base<'a>,
    pub identity: BaseIdentity,
    pub form: PeftAdapter,
    pub examples: Examples,
    pub checkpoints: Checkpoints<S>,
    pub checkpoint: Option<Checkpoint>,
}

impl<'a, S: Store> Run<'a, S> {
    /// Puts it together, before its first step or behind a checkpoint's.
    pub(super) fn assemble(parts: Parts<'a, S>, emit: Emit<'_>) -> Result<Self, Failure> {
        let Parts { config, seq_len, base, identity, form, examples, checkpoints, checkpoint } = parts;
        let method = Method::to_train(&config.method, &form).map_err(failure::input)?;
        let adapter = method.load(&form, base.model).map_err(failure::input)?;
        let rates = rates(method, &config, adapter.as_ref()).map_err(failure::input)?;
        let optimizer = Optimizer::new(Settings::of(&config), adapter.as_ref()).with_rates(rates);
        let mut state = state(&config, (&form, &examples), checkpoint.as_ref(), &identity)?;
        if let Some(before) = &checkpoint {
            state.evaluations = evaluations(&before.state, &state, emit);
        }
        let Examples { train, eval, chat, .. } = examples;
        let batches = Batches::new(train, Batching::of(&config), state.cursor);
        warn(emit, batches.larger_than_data());
        let lr = config.lr.unwrap_or(method.lr);
        let schedule = Schedule::new(&config, lr, batches.steps(config.length()));
        let room = Room { most: state.part_sequences, ..Room::default() };
        let (begun, start_ms) = (checkpoint.is_some(), platform::now_ms());
        let mut run = Self {
            config,
            base,
            identity,
            form,
            adapter,
            optimizer,
            schedule,
            seq_len,
            batches,
            eval,
            chat,
            checkpoints,
            state,
            room,
            begun,
            unsaved: false,
            evaluated: None,
            sampled: None,
            start_ms,
        };
        if let Some(checkpoint) = &checkpoint {
            run.restore(checkpoint)?;
        }
        Ok(run)
    }
}

/// What each parameter's learning rate is multiplied with; an adapter that is continued has no options.
fn rates(method: &Method, config: &TrainConfig, adapter: &dyn Adapter) -> smolder_formats::Result<Vec<f64>> {
    let given = if config.adapter.is_some() { &serde_json::Map::new() } else { &config.options };
    method.rates(&Options::new(method.options, given)?, &adapter.parameters())
}

/// The evaluations so far, where they were of the rows of `now`; else they begin anew, with one before the next step.
fn evaluations(before: &State, now: &State, emit: Emit<'_>) -> Evaluations {
    if before.eval_sha256 == now.eval_sha256 {
        return before.evaluations;
    }
    if before.eval_sha256.is_some() {
        emit(TrainEvent::Warned(Warning::OtherEvaluationRows));
    }
    Evaluations { owed: now.eval_sha256.is_some(), ..Evaluations::default() }
}

/// A run's state before its first step, or a checkpoint's, where that is of the same run.
fn state(
    config: &TrainConfig,
    (form, examples): (&PeftAdapter, &Examples),
    checkpoint: Option<&Checkpoint>,
    identity: &BaseIdentity,
) -> Result<State, Failure> {
    let data_sha256 = examples.train.sha256();
    let eval_sha256 = examples.eval.as_ref().map(|eval| eval.sha256().to_owned());
    let Some(checkpoint) = checkpoint else {
        return Ok(State {
            dropout: dropout::begin(config.seed),
            day: Some(examples.day),
            config: config.clone(),
            adapter_config: form.config.to_json(),
            data_sha256: data_sha256.to_owned(),
            eval_sha256,
            ..State::default()
        });
    };
    let differences = checkpoint.differences(config, identity, data_sha256);
    if !differences.is_empty() {
        return Err(Failure::OtherRun { differences });
    }
    Ok(State { config: config.clone(), day: Some(examples.day), eval_sha256, ..checkpoint.state.clone() })
}
