//! From a run to a checkpoint, and weights back from one.

use super::{Emit, Run, failure, warn};
use crate::checkpoint::{Checkpoint, Found, NamedTensor, SaveError, State, Store};
use smolder_kernels::burn::tensor::{Device, Tensor, TensorData};
use smolder_models::peft::Method;
use smolder_protocol::train::{Failure, TrainEvent, Warning};
use std::collections::HashMap;

/// What the moments of a parameter are called, behind its key.
const MOMENTS: [&str; 2] = ["mean", "variance"];

impl<S: Store> Run<'_, S> {
    /// Writes a checkpoint.
    pub(super) async fn save(&mut self, emit: Emit<'_>) -> Result<(), SaveError> {
        let before = self.state.watch;
        if !before.doubts() {
            self.state.watch.progressed();
        }
        let saved = self.write(emit).await;
        if saved.is_err() {
            self.state.watch = before;
        }
        saved
    }

    /// The same, where training goes on without it.
    pub(super) async fn save_or_warn(&mut self, emit: Emit<'_>) {
        if let Err(error) = self.save(emit).await {
            let (step, reason) = (self.state.step, error.to_string());
            emit(TrainEvent::Warned(Warning::CheckpointNotWritten { step, reason }));
        }
    }

    async fn write(&mut self, emit: Emit<'_>) -> Result<(), SaveError> {
        let checkpoint = self.checkpoint().await?;
        let step = self.state.step;
        let idle = self.is_idle(&checkpoint.adapter);
        let best = self.config.keep_best && self.state.evaluations.best.is_some_and(|best| best.step == step);
        self.checkpoints.save(checkpoint).await?;
        (self.begun, self.unsaved) = (true, false);
        emit(TrainEvent::Checkpointed { step, best });
        // During warm-up nothing moves yet.
        if idle && step > self.schedule.warmup + 1 {
            emit(TrainEvent::Warned(Warning::AdapterFrozen { step }));
        }
        Ok(())
    }

    async fn checkpoint(&self) -> Result<Checkpoint, SaveError> {
        let state = State { updates: self.optimizer.step.into(), ..self.state.clone() };
        let (adapter, optimizer) = (self.weights().await?, self.moments().await?);
        Ok(Checkpoint { state, base: self.identity.clone(), adapter, optimizer })
    }

    /// The adapter's tensors, under their names and shapes in PEFT's file, then what the method keeps, then those that are
    /// not trained.
    pub(super) async fn weights(&self) -> Result<Vec<NamedTensor>, SaveError> {
        let shapes: HashMap<String, &Vec<u64>> =
            self.form.tensors.iter().map(|tensor| (tensor.key(), &tensor.shape)).collect();
        let mut tensors = Vec::new();
        for parameter in self.adapter.parameters().into_iter().chain(self.adapter.memory()) {
            let shape =
                shapes.get(&parameter.key).map_or_else(|| shape(&parameter.value), |shape| (*shape).clone());
            tensors.push(NamedTensor {
                name: parameter.key,
                shape,
                values: self.read(parameter.value).await?,
            });
        }
        tensors.extend(self.frozen(&tensors));
        Ok(tensors)
    }

    /// The adapter's tensors that are not trained, as they began.
    fn frozen(&self, trained: &[NamedTensor]) -> Vec<NamedTensor> {
        let keyed = self.form.tensors.iter().map(|tensor| (tensor.key(), tensor));
        let frozen = keyed.filter(|(key, _)| trained.iter().all(|one| one.name != *key));
        frozen
            .map(|(name, one)| NamedTensor { name, shape: one.shape.clone(), values: one.values.clone() })
            .collect()
    }

    async fn moments(&self) -> Result<Vec<NamedTensor>, SaveError> {
        let mut tensors = Vec::new();
        for (parameter, moments) in self.adapter.parameters().iter().zip(&self.optimizer.moments) {
            for (kind, moment) in MOMENTS.iter().zip(moments) {
                let name = format!("{}.{kind}", parameter.key);
                let values = self.read(moment.clone()).await?;
                tensors.push(NamedTensor { name, shape: shape(moment), values });
            }
        }
        Ok(tensors)
    }

    async fn read(&self, tensor: Tensor<2>) -> Result<Vec<f32>, SaveError> {
        let values = self.base.compute.read(tensor).await;
        values.map_err(|error| SaveError::Device { reason: error.to_string() })
    }

    fn is_idle(&self, weights: &[NamedTensor]) -> bool {
        let form = super::adapter::filled(&self.form, weights);
        Method::of(&form).is_ok_and(|method| method.idle(&form))
    }

    /// Weights and moments of the newest checkpoint that is beyond doubt; the place in data and schedule stays.
    pub(super) async fn roll_back(&mut self, emit: Emit<'_>) -> Result<(), Failure> {
        let found = self.checkpoints.newest_good().await.map_err(|error| failure::storage(&error))?;
        let Found { checkpoint, warnings } = found;
        warn(emit, warnings);
        let step = self.state.step;
        let checkpoint = checkpoint.ok_or(Failure::NotFinite { step })?;
        emit(TrainEvent::Warned(Warning::RolledBack { step, checkpoint: checkpoint.state.step }));
        let form = super::adapter::of_checkpoint(&checkpoint)?;
        let method = Method::to_train(&self.config.method, &form).map_err(failure::input)?;
        self.adapter = method.load(&form, self.base.model).map_err(failure::input)?;
        self.restore(&checkpoint)
    }

    /// Takes a checkpoint's moments, where the adapter is the checkpoint's.
    pub(super) fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), Failure> {
        let (device, moments) = (self.base.compute.device(), by_name(&checkpoint.optimizer));
        let mut both = Vec::new();
        for parameter in self.adapter.parameters() {
            let dims = parameter.value.dims();
            let find = |kind: &str| {
                let name = format!("{}.{kind}", parameter.key);
                moments.get(name.as_str()).and_then(|found| tensor(found, dims, device)).ok_or_else(|| {
                    failure::input(format!("checkpoint: expected a tensor `{name}` of {dims:?}, found none"))
                })
            };
            let [mean, variance] = MOMENTS.map(find);
            both.push([mean?, variance?]);
        }
        self.optimizer.moments = both;
        self.optimizer.step = checkpoint.state.updates as u32;
        Ok(())
    }
}

fn by_name(tensors: &[NamedTensor]) -> HashMap<&str, &NamedTensor> {
    tensors.iter().map(|one| (one.name.as_str(), one)).collect()
}

fn shape(tensor: &Tensor<2>) -> Vec<u64> {
    tensor.dims().map(|dim| dim as u64).to_vec()
}

fn tensor(named: &NamedTensor, dims: [usize; 2], device: &Device) -> Option<Tensor<2>> {
    let fits = named.values.len() == dims[0] * dims[1];
    fits.then(|| Tensor::from_data(TensorData::new(named.values.clone(), dims), device))
}
