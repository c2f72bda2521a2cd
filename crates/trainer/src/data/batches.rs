//! Which rows make which step, the same for a seed on every platform.

use super::{Data, Sequence, tokens};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{BatchSize, Length, Warning};

/// What the device computes at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MicroBatch {
    /// Documents, each attending to itself alone.
    pub sequences: Vec<Sequence>,
}

impl MicroBatch {
    /// Tokens that are predicted.
    pub fn labels(&self) -> usize {
        self.sequences.iter().map(Sequence::labels).sum()
    }

    /// Tokens in all.
    pub fn tokens(&self) -> usize {
        tokens(&self.sequences)
    }

    /// The same in parts of at most `most` sequences, each of which has a label: less memory, and the same sum.
    #[must_use]
    pub fn in_parts(self, most: Option<u32>) -> Vec<Self> {
        let Some(most) = most else { return vec![self] };
        let parts = self.sequences.chunks(most.max(1) as usize);
        let parts = parts.map(|part| Self { sequences: part.to_vec() });
        parts.filter(|part| part.labels() > 0).collect()
    }
}

/// One optimizer step's data: the loss is the sum over all labelled tokens, divided by [`Self::labels`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepBatch {
    /// At least one; each has a label.
    pub micro_batches: Vec<MicroBatch>,
    /// Whether the epoch ends with this step.
    pub ends_epoch: bool,
}

impl StepBatch {
    /// Tokens that are predicted.
    pub fn labels(&self) -> usize {
        self.micro_batches.iter().map(MicroBatch::labels).sum()
    }

    /// Tokens in all.
    pub fn tokens(&self) -> usize {
        self.micro_batches.iter().map(MicroBatch::tokens).sum()
    }
}

/// How rows are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// What a micro-batch holds.
    pub size: BatchSize,
    /// Micro-batches of a step; an epoch's last step may have fewer.
    pub grad_accum: u32,
    /// Decides the order.
    pub seed: u64,
    /// Whether each epoch has another order.
    pub shuffle: bool,
}

impl Batching {
    /// The settings' part that decides it.
    pub fn of(config: &TrainConfig) -> Self {
        let TrainConfig { grad_accum, seed, shuffle, .. } = *config;
        Self { size: config.batch(), grad_accum, seed, shuffle }
    }
}

/// The next row to be trained on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Passes over the data that are complete.
    pub epoch: u64,
    /// Rows of this pass that were used, in its order.
    pub row: usize,
}

/// Steps without an end: epoch after epoch, every row once in each.
///
/// Epoch e's order is a Fisher-Yates shuffle by `ChaCha8`, whose key is the seed and whose stream is e. Length plays no
/// part in it: without padding, rows of like length gain nothing from being together.
#[derive(Clone, Debug)]
pub struct Batches {
    data: Data,
    batching: Batching,
    cursor: Cursor,
    order: Vec<u32>,
}

impl Batches {
    /// Steps from a cursor on: the same as if those before it had been drawn.
    pub fn new(data: Data, batching: Batching, cursor: Cursor) -> Self {
        let order = order(data.rows(), &batching, cursor.epoch);
        Self { data, batching, cursor, order }
    }

    /// Where the next step starts.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// What is trained on.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The steps up to the end of the epoch: all rows once, where none was drawn yet.
    pub fn epoch(&mut self) -> impl Iterator<Item = StepBatch> {
        let mut over = false;
        std::iter::from_fn(move || {
            let step = (!over).then(|| self.next()).flatten()?;
            over = step.ends_epoch;
            Some(step)
        })
    }

    /// Tells of a step that wants more rows than there are; it takes all of them.
    pub fn larger_than_data(&self) -> Option<Warning> {
        let BatchSize::Rows(rows) = self.batching.size else { return None };
        let (wanted, rows) = (u64::from(rows) * u64::from(self.batching.grad_accum), self.data.rows() as u64);
        (wanted > rows).then_some(Warning::BatchLargerThanData { wanted, rows })
    }

    /// Optimizer steps that a length means, from the data's start; at least one.
    pub fn steps(&self, length: Length) -> u64 {
        let epochs = match length {
            Length::Steps(steps) => return steps.max(1),
            Length::Epochs(epochs) => epochs,
        };
        let (whole, part) = (epochs as u64, epochs.fract());
        let last = if part > 0.0 { (part * self.steps_in(whole) as f64).ceil() as u64 } else { 0 };
        let before: u64 = match self.batching {
            // Only sums of tokens depend on the order.
            Batching { size: BatchSize::Tokens(_), shuffle: true, .. } => {
                (0..whole).map(|epoch| self.steps_in(epoch)).sum()
            }
            _ => whole * self.steps_in(0),
        };
        (before + last).max(1)
    }

    fn steps_in(&self, epoch: u64) -> u64 {
        let order = order(self.data.rows(), &self.batching, epoch);
        let (mut rest, mut micro_batches) = (order.as_slice(), 0_u64);
        while !rest.is_empty() {
            rest = rest.get(self.next_rows(rest)..).unwrap_or_default();
            micro_batches += 1;
        }
        micro_batches.div_ceil(self.batching.grad_accum.max(1).into())
    }

    /// How many of the next rows make a micro-batch; at least one.
    fn next_rows(&self, rest: &[u32]) -> usize {
        let most = match self.batching.size {
            BatchSize::Rows(rows) => rows as usize,
            BatchSize::Tokens(budget) => {
                let mut sum = 0;
                let fits = |row: &&u32| {
                    sum += tokens(self.row(**row));
                    sum <= budget as usize
                };
                rest.iter().take_while(fits).count()
            }
        };
        most.clamp(1, rest.len().max(1))
    }

    fn row(&self, index: u32) -> &[Sequence] {
        self.data.rows.get(index as usize).map(Vec::as_slice).unwrap_or_default()
    }

    fn micro_batch(&mut self) -> Option<MicroBatch> {
        let rest = self.order.get(self.cursor.row..).filter(|rest| !rest.is_empty())?;
        let taken = rest.get(..self.next_rows(rest))?;
        let sequences = taken.iter().flat_map(|row| self.row(*row)).cloned().collect();
        self.cursor.row += taken.len();
        Some(MicroBatch { sequences })
    }

    /// Whether the epoch is over; then the next one begins.
    fn turn(&mut self) -> bool {
        let over = self.cursor.row >= self.order.len();
        if over {
            self.cursor = Cursor { epoch: self.cursor.epoch + 1, row: 0 };
            self.order = order(self.data.rows(), &self.batching, self.cursor.epoch);
        }
        over
    }
}

impl Iterator for Batches {
    type Item = StepBatch;

    /// The next step; there always is one.
    fn next(&mut self) -> Option<StepBatch> {
        // Only a cursor of larger data stands behind the end already.
        if self.cursor.row >= self.order.len() {
            self.turn();
        }
        let count = self.batching.grad_accum.max(1);
        let micro_batches: Vec<MicroBatch> = (0..count).map_while(|_| self.micro_batch()).collect();
        let ends_epoch = self.turn();
        Some(StepBatch { micro_batches, ends_epoch })
    }
}

/// The rows' order in an epoch.
fn order(rows: usize, batching: &Batching, epoch: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..rows as u32).collect();
    if !batching.shuffle {
        return order;
    }
    let mut key = [0; 32];
    let seed = batching.seed.to_le_bytes();
    // Another key than those of initial weights and dropout, which have the same seed.
    let bytes = seed.into_iter().chain(*b"data order");
    key.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = byte);
    let mut random = ChaCha8Rng::from_seed(key);
    random.set_stream(epoch);
    for last in (1..order.len()).rev() {
        // The high half of a product is uniform but for 2⁻⁶⁴ of bias.
        let chosen = (u128::from(random.next_u64()) * (last as u128 + 1)) >> 64;
        order.swap(last, chosen as usize);
    }
    order
}

#[cfg(test)]
mod tests;
