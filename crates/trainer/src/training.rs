//! [`Command::Train`](smolder_protocol::Command::Train): the run of a session.

use crate::compute::Compute;
use crate::files::Files;
use crate::loaded::Loaded;
use crate::run;
use futures_util::stream::FusedStream;
use smolder_kernels::gpu::Gpu;
use smolder_protocol::train::{Failure, Plan, TrainCommand, TrainEvent};
use smolder_protocol::{Event, ModelEvent, TrainConfig, model};
use std::ops::ControlFlow;

/// Loads what the settings name, unless it is loaded, and trains.
pub(crate) async fn start<F: Files>(
    files: &mut F,
    (gpu, loaded): (&mut Option<Gpu>, &mut Option<Loaded<F::Reader>>),
    (config, resume): (TrainConfig, bool),
    commands: &mut (impl FusedStream<Item = TrainCommand> + Unpin),
    emit: &mut impl FnMut(Event),
) {
    let ready = ready(files, (gpu, loaded), &config, emit).await;
    let mut tell = |event| emit(Event::Train(event));
    let ended = match ready {
        Ok(loaded) => {
            // The run may write anew what the model wore last.
            loaded.bare();
            run::train(files, loaded, (config, resume), commands, &mut tell).await
        }
        Err(failure) => Err(failure),
    };
    if failed_on_device(&ended) {
        *loaded = None;
    }
    tell(ended.map_or_else(TrainEvent::Failed, TrainEvent::Finished));
}

/// Loads what the settings name, unless it is loaded, and tells what a run would take.
///
/// # Errors
/// [`Failure`], where a run could not begin.
pub(crate) async fn estimate<F: Files>(
    files: &mut F,
    (gpu, loaded): (&mut Option<Gpu>, &mut Option<Loaded<F::Reader>>),
    config: TrainConfig,
    emit: &mut impl FnMut(Event),
) -> Result<Plan, Failure> {
    let ready = ready(files, (gpu, loaded), &config, emit).await?;
    ready.bare();
    let plan = run::estimate(files, ready, config).await;
    if failed_on_device(&plan) {
        *loaded = None;
    }
    plan
}

/// What is on a device that failed is not known.
fn failed_on_device<T>(ended: &Result<T, Failure>) -> bool {
    matches!(ended, Err(Failure::Device(_) | Failure::OutOfMemory { .. }))
}

/// The model that the settings name, on the device that they name.
async fn ready<'a, F: Files>(
    files: &mut F,
    (gpu, loaded): (&mut Option<Gpu>, &'a mut Option<Loaded<F::Reader>>),
    config: &TrainConfig,
    emit: &mut impl FnMut(Event),
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
        let mut progress = |done_bytes, total_bytes| {
            emit(Event::Model(ModelEvent::Loading { done_bytes, total_bytes }));
            ControlFlow::Continue(())
        };
        let new = Loaded::load(files, &config.model, compute, &mut progress).await;
        *loaded = Some(new.map_err(|failure| unloaded(&config.model, failure))?);
    }
    loaded.as_mut().ok_or(Failure::Input { reason: config.model.clone() })
}

/// Why there is no model to train.
fn unloaded(name: &str, failure: model::Failure) -> Failure {
    let expected = |found| Failure::Input { reason: format!("{name}: expected {found}") };
    match failure {
        model::Failure::Input { reason } | model::Failure::NotFinite { reason } => Failure::Input { reason },
        model::Failure::Device(problem) => Failure::Device(problem),
        model::Failure::OutOfMemory => expected("a device that holds it, found too little memory"),
        model::Failure::NoModel | model::Failure::Context { .. } | model::Failure::Cancelled => {
            expected("to be loaded, found that somebody stopped it")
        }
    }
}
