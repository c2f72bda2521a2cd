//! One prompt and what becomes of it.

use super::{End, GenerateError, Settings, Summary};
use crate::sampling::{Sampler, Sampling};
use crate::stop_strings::StopStrings;
use smolder_formats::tokenizer::{Incremental, Tokenizer};
use web_time::{Duration, Instant};

/// A prompt and its continuation so far.
#[derive(Debug)]
pub(super) struct Sequence<'a> {
    ids: Vec<u32>,
    /// Tokens of `ids` that are the prompt.
    prompt: usize,
    /// Tokens of `ids` whose keys and values the cache held before, and holds now.
    reused: usize,
    cached: usize,
    capacity: usize,
    settings: &'a Settings,
    sampler: Sampler,
    decoder: Incremental<'a>,
    stops: StopStrings,
    end: Option<End>,
    start: Instant,
    first: Option<Duration>,
    last: Duration,
}

impl<'a> Sequence<'a> {
    /// A sequence before its first pass; `cached` are the tokens that its part of the cache holds.
    pub fn new(
        index: usize,
        prompt: &[u32],
        cached: &[u32],
        tokenizer: &'a Tokenizer,
        settings: &'a Settings,
        capacity: usize,
    ) -> Result<Self, GenerateError> {
        let seed = settings.sampling.seed.wrapping_add(index as u64);
        let mut decoder = tokenizer.incremental(true);
        // The continuation's spaces and characters depend on what they follow.
        for id in prompt {
            decoder.push(*id);
        }
        let shared = prompt.iter().zip(cached).take_while(|(new, old)| new == old).count();
        // The last token's logits are in no cache.
        let reused = shared.min(prompt.len() - 1);
        Ok(Self {
            ids: prompt.to_vec(),
            prompt: prompt.len(),
            reused,
            cached: reused,
            capacity,
            settings,
            sampler: Sampler::new(Sampling { seed, ..settings.sampling.clone() })?,
            decoder,
            stops: StopStrings::new(&settings.stops),
            end: (settings.max_tokens == 0).then_some(End::MaxTokens),
            start: Instant::now(),
            first: None,
            last: Duration::ZERO,
        })
    }

    /// Whether it has not ended.
    pub fn runs(&self) -> bool {
        self.end.is_none()
    }

    /// Tokens of the prompt.
    pub fn prompt(&self) -> usize {
        self.prompt
    }

    /// Tokens of the prompt that the model has not read.
    pub fn unread(&self) -> usize {
        self.prompt.saturating_sub(self.cached)
    }

    /// The next tokens for the model, at most so many, and the position of the first.
    pub fn take(&mut self, most: usize) -> (usize, &[u32]) {
        let from = self.cached;
        self.cached = self.ids.len().min(from + most);
        (from, &self.ids[from..self.cached])
    }

    /// Whether the model has read all there is.
    pub fn awaits(&self) -> bool {
        self.cached == self.ids.len()
    }

    /// The tokens whose keys and values are in the cache.
    pub fn cached(&self) -> &[u32] {
        &self.ids[..self.cached]
    }

    /// Adds the token that follows from `logits`, and returns it with the text that is certain now.
    pub fn choose(&mut self, logits: &mut [f32]) -> Result<(u32, String), GenerateError> {
        let token = self.sampler.next(logits, &self.ids)?;
        self.last = self.start.elapsed();
        self.first.get_or_insert(self.last);
        if self.settings.ends.contains(&token) {
            self.end = Some(End::Token(token));
            return Ok((token, self.rest()));
        }
        self.ids.push(token);
        let mut text = self.stops.push(&self.decoder.push(token));
        if self.ids.len() - self.prompt == self.settings.max_tokens {
            self.end = Some(End::MaxTokens);
        } else if self.ids.len() == self.capacity {
            self.end = Some(End::Context);
        }
        if !self.runs() {
            text += &self.rest();
        }
        if let Some(stop) = self.stops.stopped() {
            self.end = Some(End::Stop(stop.to_owned()));
        }
        Ok((token, text))
    }

    /// What was held back, now that nothing follows.
    fn rest(&mut self) -> String {
        let text = self.stops.push(&self.decoder.finish());
        text + &self.stops.finish()
    }

    /// Ends it, if it has not ended.
    pub fn cancel(&mut self) {
        self.end.get_or_insert(End::Cancelled);
    }

    pub fn finish(mut self) -> Summary {
        let first = self.first.unwrap_or_else(|| self.start.elapsed());
        Summary {
            ids: self.ids.split_off(self.prompt),
            end: self.end.unwrap_or(End::Cancelled),
            read: self.prompt - self.reused,
            prefill_secs: first.as_secs_f64(),
            decode_secs: self.last.saturating_sub(first).as_secs_f64(),
        }
    }
}
