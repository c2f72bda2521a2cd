//! What a run will take: memory by counting, time by a trial.

use super::{Emit, Run, failure};
use crate::checkpoint::Store;
use crate::data::{Batches, Batching, Cursor, MicroBatch, Sequence};
use crate::kept;
use crate::platform;
use crate::room::Room;
use crate::step::{CHUNK, gradients};
use smolder_models::peft::Method;
use smolder_protocol::train::{Failure, Length, Plan};

/// What looking at a token takes of what learning it does: one way of three, where layers are computed again on the way
/// back.
const LOOK: f64 = 1.0 / 3.0;

impl<S: Store> Run<'_, S> {
    /// Samples are not counted: how long an answer gets is not known.
    pub(super) async fn plan(&self) -> Result<Plan, Failure> {
        let data = self.batches.data();
        let trained_parameters = self.trained_parameters();
        let rows = self.largest().map_or(0, |batch| self.rows(&batch, &self.room));
        let left = self.schedule.total.saturating_sub(self.state.step);
        let seconds_a_token = if left > 0 { self.trial().await? } else { 0.0 };
        let steps_an_epoch = self.batches.steps(Length::Epochs(1.0));
        let trained_tokens = left as f64 * data.tokens() as f64 / steps_an_epoch as f64;
        let evaluated_tokens = self.evaluated_tokens(left, steps_an_epoch);
        Ok(Plan {
            done: self.state.step,
            steps: self.schedule.total,
            lr: self.schedule.peak,
            rows: data.rows(),
            tokens: data.tokens(),
            labelled_tokens: data.labels(),
            eval_rows: self.eval.as_ref().map_or(0, crate::data::Data::rows),
            trained_parameters,
            frozen_parameters: self.base.parameters,
            gpu: self.base.compute.name().map(str::to_owned),
            memory_bytes: self.memory(trained_parameters, rows),
            duration_secs: Some((trained_tokens + LOOK * evaluated_tokens) * seconds_a_token),
        })
    }

    /// Tokens of all evaluations in the steps that are left: one before the first, one each time that it is due, one at the
    /// end.
    fn evaluated_tokens(&self, left: u64, steps_an_epoch: u64) -> f64 {
        let every = self.config.eval_every.unwrap_or(steps_an_epoch).max(1);
        let times = left.div_ceil(every) + u64::from(!self.begun);
        times as f64 * self.eval.as_ref().map_or(0, crate::data::Data::tokens) as f64
    }

    /// Bytes on the device at its fullest: the weights; an adapter with gradients, two moments and what its method keeps; each layer's input; the
    /// activations of the layers that are kept, at least of one, and one's gradients; some rows of logits and theirs, and what a changed head computes beside.
    fn memory(&self, trained: u64, rows: u64) -> u64 {
        let sizes = &self.base.model.config().sizes;
        let layer = kept::numbers(self.base.model, rows);
        let layers = kept::layers(self.base.model, rows).max(1) as u64 + 1;
        let inputs = rows * (sizes.layers + 4) * sizes.width;
        let logits = (rows * self.base.model.vocabulary() as u64).min(CHUNK as u64);
        // Its change of them, that times their gradient, and the gradient of this product.
        let copies = if self.adapter.changes_head() { 5 } else { 2 };
        let kept = Method::to_train(&self.config.method, &self.form).map_or(0, Method::kept);
        self.base.bytes + 4 * ((4 + kept) * trained + inputs + layers * layer + copies * logits)
    }

    /// Computes fewer sequences at once where the memory that is free does not hold a batch: a processor's memory never
    /// refuses, the system ends the program instead.
    pub(super) fn fit(&mut self, emit: Emit<'_>) {
        let free = platform::free_bytes().filter(|_| !self.base.compute.is_gpu());
        let (Some(free), Some(batch)) = (free, self.largest()) else { return };
        let trained = self.trained_parameters();
        let need = |room: &Room| self.memory(trained, self.rows(&batch, room)) - self.base.bytes;
        let mut room = self.room.clone();
        room.fit(free, &batch, need);
        self.room = room;
        self.tell_room(emit);
    }

    fn trained_parameters(&self) -> u64 {
        let numbers =
            |parameter: smolder_models::peft::Parameter| parameter.value.dims().iter().product::<usize>();
        self.adapter.parameters().into_iter().map(numbers).sum::<usize>() as u64
    }

    /// Rows of the residual stream that the largest part of a micro-batch has.
    fn rows(&self, batch: &MicroBatch, room: &Room) -> u64 {
        room.parts(batch).iter().map(|part| self.stream(part)).max().unwrap_or_default() as u64
    }

    fn stream(&self, part: &MicroBatch) -> usize {
        part.tokens() + self.adapter.prompt_len() * part.sequences.len()
    }

    /// The micro-batch with the most rows.
    fn largest(&self) -> Option<MicroBatch> {
        let batching = Batching { shuffle: false, ..Batching::of(&self.config) };
        let mut steps = Batches::new(self.batches.data().clone(), batching, Cursor::default());
        steps.epoch().flat_map(|step| step.micro_batches).max_by_key(|batch| self.stream(batch))
    }

    /// Seconds that a token takes, by a pass over the first sequence: a GPU's first pass compiles, its second counts.
    async fn trial(&self) -> Result<f64, Failure> {
        let Some(sequence) = self.batches.data().first() else { return Ok(0.0) };
        if self.base.compute.is_gpu() {
            self.pass(sequence).await?;
        }
        let start_ms = platform::now_ms();
        self.pass(sequence).await?;
        Ok((platform::now_ms() - start_ms) / 1e3 / sequence.ids.len() as f64)
    }

    async fn pass(&self, sequence: &Sequence) -> Result<(), Failure> {
        let sequences = std::slice::from_ref(sequence);
        let found = gradients(self.base.model, self.adapter.as_ref(), sequences, 1.0);
        let norm = self.optimizer.measure(&found.values).map(|norm| norm.norm);
        let read = self.base.compute.read(norm.unwrap_or(found.loss)).await;
        read.map(drop).map_err(|error| failure::device(error, sequence.ids.len()))
    }
}
