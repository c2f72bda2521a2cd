//! Answers to fixed prompts, from the model as it is now.

use super::asked::Asked;
use super::{Emit, Run};
use crate::checkpoint::Store;
use crate::today::{template_options, today};
use smolder_formats::tokenizer::Specials;
use smolder_models::generate::{End, Event, GenerateError, Generator, Settings};
use smolder_models::open::{message, prompt as text_prompt};
use smolder_protocol::Problem;
use smolder_protocol::train::{Failure, Sample, TrainEvent, Warning};
use std::ops::ControlFlow;

impl<S: Store> Run<'_, S> {
    /// Answers every prompt of the settings, until the run is to end.
    pub(super) async fn sample_all(&mut self, asked: &mut Asked<'_>, emit: Emit<'_>) -> Result<(), Failure> {
        for prompt in self.config.samples.clone() {
            self.sample(&prompt, asked, emit).await?;
        }
        self.sampled = Some(self.state.step);
        Ok(())
    }

    /// Answers one; a prompt that the model cannot answer is no reason to end. Of an answer that was to end nothing is
    /// told.
    pub(super) async fn sample(
        &mut self,
        prompt: &str,
        asked: &mut Asked<'_>,
        emit: Emit<'_>,
    ) -> Result<(), Failure> {
        let (step, prompt) = (self.state.step, prompt.to_owned());
        match self.answer(&prompt, asked).await {
            Ok(Some(text)) => emit(TrainEvent::Sampled(Sample { step, prompt, text })),
            Ok(None) => {}
            Err(GenerateError::Device(reason)) => {
                return Err(Failure::Device(Problem::DeviceLost { reason }));
            }
            Err(error) => {
                emit(TrainEvent::Warned(Warning::NoSample { prompt, reason: error.to_string() }));
            }
        }
        Ok(())
    }

    async fn answer(&self, prompt: &str, asked: &mut Asked<'_>) -> Result<Option<String>, GenerateError> {
        let prompts = [self.ids(prompt)];
        let settings = Settings {
            max_tokens: self.config.sample_tokens as usize,
            ends: self.base.ends.to_vec(),
            ..Settings::default()
        };
        let (model, adapter) = (self.base.model, self.adapter.as_ref());
        let mut generator = Generator::fitting(model, adapter, &prompts, settings.max_tokens)?;
        let mut text = String::new();
        let mut watch = |event: Event| {
            if let Event::Piece(piece) = event {
                text += piece.text;
            }
            if asked.ends() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let ends = generator.run(&prompts, self.base.tokenizer, &settings, &mut watch).await?;
        Ok(ends.iter().all(|summary| summary.end != End::Cancelled).then_some(text))
    }

    /// A turn of a conversation, where the data is made of such; else a text to go on with.
    fn ids(&self, prompt: &str) -> Vec<u32> {
        let tokenizer = self.base.tokenizer;
        let turn = || {
            let options = template_options(tokenizer, self.state.day.unwrap_or_else(today));
            let rendered =
                self.base.template.render(tokenizer, &[message("user", prompt)], true, &options).ok()?;
            Some(rendered.encode(&mut tokenizer.encoder()).0)
        };
        let turn = if self.chat { turn() } else { None };
        turn.unwrap_or_else(|| text_prompt(tokenizer, prompt, Specials::AsText))
    }
}
