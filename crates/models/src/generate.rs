//! Text from a model: prompts are read a few hundred tokens at a time, then every pass adds one token to each sequence
//! that has not ended.

mod error;
mod events;
mod positions;
mod sequence;

pub use error::GenerateError;
pub use events::{End, Event, Piece, Summary, Watch};
pub use positions::positions;

use crate::batch::Span;
use crate::cache::Cache;
use crate::model::Model;
use crate::peft::Adapter;
use crate::sampling::Sampling;
use sequence::Sequence;
use smolder_formats::tokenizer::Tokenizer;
use smolder_kernels::burn::tensor::{DType, Device, Int, Tensor, TensorData};
use smolder_kernels::turn;
use std::ops::ControlFlow;

/// Tokens of one pass through the model, so that no buffer grows with the prompts.
const PASS_TOKENS: usize = 512;
/// Bytes of logits that are on their way at once.
const LOGIT_BYTES: usize = 32 << 20;

/// How to go on and when to stop.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How tokens are chosen; each sequence has a seed of its own, this one plus its index.
    pub sampling: Sampling,
    /// Tokens that are added to each sequence at most.
    pub max_tokens: usize,
    /// Texts to stop before.
    pub stops: Vec<String>,
    /// Tokens to stop at, which are not shown.
    pub ends: Vec<u32>,
}

/// Writes with one model and one adapter, keeping keys and values from one run to the next.
#[derive(Debug)]
pub struct Generator<'a> {
    model: &'a Model,
    adapter: &'a dyn Adapter,
    cache: Cache,
    /// The tokens whose keys and values each sequence's part of the cache holds.
    cached: Vec<Vec<u32>>,
}

impl<'a> Generator<'a> {
    /// Room for `sequences` of at most `capacity` tokens each, and no more than the model's context.
    ///
    /// # Errors
    /// [`GenerateError::Memory`] where that is more than a CPU device can have, or than a program can count; a GPU
    /// says so at the first result.
    pub fn new(
        model: &'a Model,
        adapter: &'a dyn Adapter,
        sequences: usize,
        capacity: usize,
    ) -> Result<Self, GenerateError> {
        let capacity = capacity.min(context(model, adapter));
        let rows = capacity + adapter.lead_len();
        let tokens = (sequences as u64).saturating_mul(rows as u64);
        // Stated for 16 bits a number, and here they have 32.
        let bytes = model.config().sizes.cache_bytes(tokens).saturating_mul(2);
        let fits = match usize::try_from(bytes) {
            Ok(bytes) => *model.device() != Device::flex() || can_reserve(bytes),
            Err(_) => false,
        };
        if !fits {
            return Err(GenerateError::Memory { bytes });
        }
        let cache = Cache::new(model.config(), sequences, rows, model.device());
        Ok(Self { model, adapter, cache, cached: vec![Vec::new(); sequences] })
    }

    /// Tokens that a prompt and its continuation may have together.
    pub fn capacity(&self) -> usize {
        self.cache.capacity() - self.adapter.lead_len()
    }

    /// Room for these prompts and `max_tokens` more each, as far as the model's context reaches.
    ///
    /// # Errors
    /// [`GenerateError::Context`] for a prompt that the context cannot hold, before any memory is taken; those of
    /// [`Self::new`].
    pub fn fitting(
        model: &'a Model,
        adapter: &'a dyn Adapter,
        prompts: &[Vec<u32>],
        max_tokens: usize,
    ) -> Result<Self, GenerateError> {
        check(prompts, model, context(model, adapter).saturating_sub(1))?;
        let longest = prompts.iter().map(Vec::len).max().unwrap_or_default();
        Self::new(model, adapter, prompts.len(), longest.saturating_add(max_tokens.max(1)))
    }

    /// Continues each prompt. What a prompt shares with the last one in its place is not computed again. Others have a
    /// turn after every pass through the model.
    ///
    /// # Errors
    /// Before the start for prompts and settings that cannot be used; on the way for [`GenerateError::Device`] and for
    /// logits that are no numbers.
    pub async fn run(
        &mut self,
        prompts: &[Vec<u32>],
        tokenizer: &Tokenizer,
        settings: &Settings,
        watch: Watch<'_>,
    ) -> Result<Vec<Summary>, GenerateError> {
        let capacity = self.capacity();
        check(prompts, self.model, capacity.saturating_sub(1))?;
        if prompts.len() > self.cached.len() {
            return Err(GenerateError::Sequences { prompts: prompts.len(), room: self.cached.len() });
        }
        let pairs = prompts.iter().zip(&self.cached).enumerate();
        let mut sequences = pairs
            .map(|(index, (prompt, cached))| {
                Sequence::new(index, prompt, cached, tokenizer, settings, capacity)
            })
            .collect::<Result<Vec<_>, _>>()?;
        // What a failed pass wrote is not known.
        self.cached.iter_mut().for_each(Vec::clear);
        while sequences.iter().any(Sequence::runs) {
            turn().await;
            if self.pass(&mut sequences, watch).await?.is_break() {
                sequences.iter_mut().for_each(Sequence::cancel);
            }
        }
        for (cached, sequence) in self.cached.iter_mut().zip(&sequences) {
            *cached = sequence.cached().to_vec();
        }
        Ok(sequences.into_iter().map(Sequence::finish).collect())
    }

    /// One pass over the next tokens of the sequences that run, and a new token for those that it reaches the end of.
    async fn pass(
        &mut self,
        sequences: &mut [Sequence<'_>],
        watch: Watch<'_>,
    ) -> Result<ControlFlow<()>, GenerateError> {
        let unread = |sequences: &[Sequence]| sequences.iter().map(Sequence::unread).sum::<usize>();
        let before = unread(sequences);
        let (spans, awaiting) = self.spans(sequences);
        let (h, ends) = self.hidden(&spans);
        let left = unread(sequences);
        if left < before {
            // Nothing else waits for the device while a long prompt is read.
            read(h.clone().narrow(0, 0, 1).narrow(1, 0, 1)).await?;
            let total = sequences.iter().map(Sequence::prompt).sum();
            if watch(Event::Read { done: total - left, total }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        for awaiting in awaiting.chunks(rows_at_once(self.model)) {
            let rows: Vec<usize> = awaiting.iter().map(|awaiting| ends[awaiting.span]).collect();
            let mut logits = read(self.model.logits(select(&h, &rows), self.adapter)).await?;
            for (awaiting, logits) in awaiting.iter().zip(logits.chunks_mut(self.model.vocabulary())) {
                let (token, text) = sequences[awaiting.sequence].choose(logits)?;
                let piece = Piece { sequence: awaiting.sequence, token, text: &text };
                if watch(Event::Piece(piece)).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The next tokens of the sequences that run, and which of these come last in theirs.
    fn spans(&self, sequences: &mut [Sequence]) -> (Vec<Span>, Vec<Awaiting>) {
        let (mut spans, mut awaiting, mut tokens) = (Vec::new(), Vec::new(), 0);
        for (index, sequence) in sequences.iter_mut().enumerate().filter(|(_, sequence)| sequence.runs()) {
            let (position, ids) = sequence.take(PASS_TOKENS - tokens);
            if ids.is_empty() {
                break;
            }
            tokens += ids.len();
            spans.push(Span { ids: ids.to_vec(), position, row: self.cache.row(index) });
            if sequence.awaits() {
                awaiting.push(Awaiting { sequence: index, span: spans.len() - 1 });
            }
        }
        (spans, awaiting)
    }

    /// The residual stream behind the last block, and each span's last row in it.
    fn hidden(&mut self, spans: &[Span]) -> (Tensor<2>, Vec<usize>) {
        let batch = self.model.batch_of(spans, self.adapter);
        let ends = batch.first_rows().zip(spans).map(|(first, span)| first + span.ids.len() - 1);
        (self.model.hidden(&batch, Some(&mut self.cache), self.adapter), ends.collect())
    }
}

/// A sequence whose next token follows from the last row of a span.
struct Awaiting {
    sequence: usize,
    span: usize,
}

/// Tokens that the model's context has room for beside an adapter's.
fn context(model: &Model, adapter: &dyn Adapter) -> usize {
    (model.config().sizes.context as usize).saturating_sub(adapter.lead_len())
}

/// Refuses prompts that are empty, have more than `room` tokens, or tokens that the model does not know.
fn check(prompts: &[Vec<u32>], model: &Model, room: usize) -> Result<(), GenerateError> {
    let vocabulary = model.vocabulary();
    for (sequence, ids) in prompts.iter().enumerate() {
        if ids.is_empty() {
            return Err(GenerateError::NoTokens { sequence });
        }
        if ids.len() > room {
            return Err(GenerateError::Context { sequence, tokens: ids.len(), room });
        }
        if let Some(&id) = ids.iter().find(|id| **id as usize >= vocabulary) {
            return Err(GenerateError::UnknownToken { sequence, id, vocabulary });
        }
    }
    Ok(())
}

/// Whether the allocator would not end the program for it.
fn can_reserve(bytes: usize) -> bool {
    Vec::<u8>::new().try_reserve_exact(bytes).is_ok()
}

/// Rows of logits that may be read back together.
fn rows_at_once(model: &Model) -> usize {
    (LOGIT_BYTES / (4 * model.vocabulary().max(1))).max(1)
}

fn select(h: &Tensor<2>, rows: &[usize]) -> Tensor<2> {
    if rows.len() == h.dims()[0] {
        return h.clone();
    }
    let rows: Vec<i32> = rows.iter().map(|row| *row as i32).collect();
    let data = TensorData::new(rows.clone(), [rows.len()]);
    h.clone().select(0, Tensor::<1, Int>::from_data(data, (&h.device(), DType::I32)))
}

async fn read(tensor: Tensor<2>) -> Result<Vec<f32>, GenerateError> {
    crate::read::read(tensor).await.map_err(GenerateError::Device)
}
