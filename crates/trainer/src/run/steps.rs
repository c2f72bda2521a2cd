//! One optimizer step: gradients, a verdict on them, an update.

use super::{Emit, Run, failure, warn};
use crate::checkpoint::Store;
use crate::compute::DeviceError;
use crate::data::{MicroBatch, StepBatch};
use crate::optimizer::{Norm, follow};
use crate::step::gradients;
use crate::watch::Action;
use crate::{dropout, platform};
use smolder_kernels::burn::tensor::Tensor;
use smolder_models::peft::{Progress, Update};
use smolder_protocol::train::{Failure, Memory, StepReport, TrainEvent};

/// What became of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stepped {
    /// Whether weights changed.
    pub updated: bool,
    /// Whether an epoch is over.
    pub ends_epoch: bool,
}

/// A step's gradients, on the device, and what must be known of them first.
struct Measured {
    gradients: Vec<Option<Tensor<2>>>,
    norm: Option<Norm>,
    /// Mean loss over the step's labelled tokens.
    loss: f32,
    grad_norm: f32,
}

impl<S: Store> Run<'_, S> {
    pub(super) async fn step(&mut self, emit: Emit<'_>) -> Result<Stepped, Failure> {
        let start_ms = platform::now_ms();
        let lr = self.schedule.rate(self.state.step);
        let Some(batch) = self.batches.next() else { return Err(Failure::NothingToLearn) };
        let measured = self.measure(&batch, emit).await?;
        self.state.step += 1;
        self.state.cursor = self.batches.cursor();
        self.unsaved = true;
        let Measured { loss, grad_norm, .. } = measured;
        let (action, skipped) = self.state.watch.judge(self.state.step, loss, grad_norm);
        warn(emit, skipped);
        match action {
            Action::Continue => {
                self.update(measured, &batch, lr).await?;
                emit(TrainEvent::Stepped(self.report(&batch, lr, (loss, grad_norm), start_ms)));
            }
            Action::Skip => {}
            Action::RollBack => self.roll_back(emit).await?,
            Action::Stop => return Err(Failure::NotFinite { step: self.state.step }),
        }
        Ok(Stepped { updated: action == Action::Continue, ends_epoch: batch.ends_epoch })
    }

    /// Gradients and loss, in parts that the device has memory for. Nothing waits for the device but these two
    /// numbers, which decide what comes next.
    async fn measure(&mut self, batch: &StepBatch, emit: Emit<'_>) -> Result<Measured, Failure> {
        loop {
            let before = self.state.dropout;
            let parts: Vec<MicroBatch> =
                batch.micro_batches.iter().flat_map(|one| self.room.parts(one)).collect();
            match self.attempt(&parts).await {
                Err(DeviceError::OutOfMemory) if self.room.halve(&parts) => {
                    self.state.dropout = before;
                    self.base.compute.reclaim();
                    self.tell_room(emit);
                }
                Err(error) => return Err(failure::device(error, longest(&parts))),
                Ok(measured) => return Ok(measured),
            }
        }
    }

    async fn attempt(&mut self, parts: &[MicroBatch]) -> Result<Measured, DeviceError> {
        let labels: usize = parts.iter().map(MicroBatch::labels).sum();
        let scale = (labels as f32).recip();
        let mut sums: Option<(Tensor<1>, Vec<Option<Tensor<2>>>)> = None;
        for part in parts {
            let training = self.adapter.training(dropout::seed(&mut self.state.dropout));
            let adapter = training.as_ref().unwrap_or(&self.adapter);
            let found = gradients(self.base.model, adapter.as_ref(), &part.sequences, scale);
            sums = Some(match sums {
                None => (found.loss, found.values),
                Some((loss, values)) => (loss + found.loss, added(values, found.values)),
            });
        }
        let (loss, gradients) = sums.ok_or(DeviceError::OutOfMemory)?;
        let norm = self.optimizer.measure(&gradients);
        let known = [Some(loss), norm.as_ref().map(|norm| norm.norm.clone())];
        let known = self.base.compute.read(Tensor::cat(known.into_iter().flatten().collect(), 0)).await?;
        let number = |at: usize| known.get(at).copied().unwrap_or_default();
        Ok(Measured { gradients, norm, loss: number(0) * scale, grad_norm: number(1) })
    }

    async fn update(&mut self, measured: Measured, batch: &StepBatch, lr: f64) -> Result<(), Failure> {
        if let Some(norm) = &measured.norm {
            let gradients = measured.gradients.clone();
            let adapter = self.optimizer.update(self.adapter.as_ref(), measured.gradients, norm, lr);
            let progress = Progress { step: self.state.step, steps: self.schedule.total };
            let update = Update { gradients: &gradients, factor: norm.factor.clone(), progress };
            let read = async |scores| self.base.compute.read(scores).await;
            let followed = follow(adapter, &update, read).await;
            self.adapter = followed.map_err(|error| failure::device(error, batch.tokens()))?;
        }
        self.state.loss = Some(measured.loss);
        self.state.tokens += batch.tokens() as u64;
        self.state.labelled_tokens += batch.labels() as u64;
        Ok(())
    }

    fn report(&self, batch: &StepBatch, lr: f64, (loss, grad_norm): (f32, f32), start_ms: f64) -> StepReport {
        let secs = ((platform::now_ms() - start_ms) / 1e3).max(1e-6);
        StepReport {
            step: self.state.step,
            loss,
            lr,
            grad_norm,
            tokens: self.state.tokens,
            tokens_per_s: batch.tokens() as f64 / secs,
            memory: Memory {
                device_bytes: self.base.compute.memory_bytes(),
                process_bytes: platform::process_bytes(),
            },
        }
    }

    /// Says what became of the parts.
    pub(super) fn tell_room(&mut self, emit: Emit<'_>) {
        warn(emit, self.room.warnings.drain(..));
        self.state.part_sequences = self.room.most;
    }
}

fn added(sums: Vec<Option<Tensor<2>>>, new: Vec<Option<Tensor<2>>>) -> Vec<Option<Tensor<2>>> {
    let both = |(sum, new): (Option<Tensor<2>>, Option<Tensor<2>>)| match (sum, new) {
        (Some(sum), Some(new)) => Some(sum + new),
        (one, other) => one.or(other),
    };
    sums.into_iter().zip(new).map(both).collect()
}

/// Tokens of the longest sequence.
fn longest(parts: &[MicroBatch]) -> usize {
    parts.iter().flat_map(|part| &part.sequences).map(|one| one.ids.len()).max().unwrap_or_default()
}
