//! The adapter that a run begins with: fresh, continued, or a checkpoint's.

use super::{Emit, failure};
use crate::checkpoint::{Checkpoint, NamedTensor};
use crate::files::Files;
use crate::loaded::Base;
use smolder_formats::adapter::{AdapterConfig, AdapterTensor, BaseIdentity, Check, PeftAdapter};
use smolder_formats::tokenizer::Specials;
use smolder_models::Opened;
use smolder_models::peft::{Fresh, Method, Options};
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{Failure, TrainEvent, Warning};

/// A fresh adapter of the method that the settings name.
pub(super) async fn fresh(config: &TrainConfig, base: Base<'_>) -> Result<PeftAdapter, Failure> {
    let method = Method::find(&config.method).map_err(failure::input)?;
    let options = Options::new(method.options, &config.options).map_err(failure::input)?;
    let encode = |text: &str| base.tokenizer.encoder().encode(text, Specials::AsText);
    let fresh = Fresh {
        options: &options,
        model: base.model,
        seed: config.seed,
        encode: &encode,
        base: &config.model,
    };
    method.fresh(fresh).await.map_err(failure::input)
}

/// An adapter to continue from.
pub(super) async fn continued<F: Files>(
    files: &mut F,
    opened: &mut Opened<F::Reader>,
    (name, identity): (&str, &BaseIdentity),
    emit: Emit<'_>,
) -> Result<PeftAdapter, Failure> {
    let adapter = files.adapter(name, opened).await.map_err(failure::input)?;
    if let Some(trained_on) = &adapter.base {
        let differences = trained_on.check(identity, Check::Strict);
        let differences = differences.map_err(|error| failure::input(error.in_file(name)))?;
        differences.into_iter().for_each(|reason| emit(TrainEvent::Warned(Warning::OtherBase { reason })));
    }
    let targets = unmatched(&adapter);
    if !targets.is_empty() {
        emit(TrainEvent::Warned(Warning::TargetsUnmatched { targets }));
    }
    Ok(adapter)
}

/// The adapter in a checkpoint.
pub(super) fn of_checkpoint(checkpoint: &Checkpoint) -> Result<PeftAdapter, Failure> {
    let config =
        AdapterConfig::from_json(checkpoint.state.adapter_config.as_bytes()).map_err(failure::input)?;
    let tensor = |one: &NamedTensor| AdapterTensor::new(&one.name, one.shape.clone(), one.values.clone());
    let tensors = checkpoint.adapter.iter().map(tensor).collect::<Result<_, _>>().map_err(failure::input)?;
    Ok(PeftAdapter { config, tensors, base: None })
}

/// The same adapter with other numbers, by key.
pub(super) fn filled(form: &PeftAdapter, weights: &[NamedTensor]) -> PeftAdapter {
    let mut filled = form.clone();
    for tensor in &mut filled.tensors {
        let key = tensor.key();
        if let Some(found) = weights.iter().find(|one| one.name == key) {
            tensor.values.clone_from(&found.values);
        }
    }
    filled
}

/// Targets in the config that no tensor belongs to.
fn unmatched(adapter: &PeftAdapter) -> Vec<String> {
    let keys: Vec<String> = adapter.tensors.iter().map(AdapterTensor::key).collect();
    let missing = |target: &&String| {
        let inside = format!(".{target}.");
        *target != "all-linear" && !keys.iter().any(|key| key.contains(&inside))
    };
    adapter.config.targets.iter().filter(missing).cloned().collect()
}
