//! A loaded model answers.

use crate::compute::DeviceError;
use crate::files::Files;
use crate::inbox::Inbox;
use crate::loaded::{Loaded, input};
use crate::today::{template_options, today};
use futures_util::Stream;
use smolder_formats::template::Message;
use smolder_formats::tokenizer::Specials;
use smolder_models::generate::{self, GenerateError, Generator, Piece, Settings, Summary};
use smolder_models::open::{self, message};
use smolder_models::peft::Base;
use smolder_models::sampling::{Sampling, SamplingError};
use smolder_protocol::model::{End, Failure, Generate, Prompt, Written};
use smolder_protocol::{Command, Event, ModelEvent};
use std::io::{Read, Seek};
use std::ops::ControlFlow;

/// Writes what is asked for, telling `emit` of each piece, until its end or [`Command::Cancel`].
pub(crate) async fn run<F: Files>(
    asked: &Generate,
    loaded: &mut Loaded<F::Reader>,
    files: &mut F,
    inbox: &mut Inbox<impl Stream<Item = Command> + Unpin>,
    emit: &mut impl FnMut(Event),
) -> Result<Written, Failure> {
    if let Some(name) = &asked.adapter {
        loaded.adapt(files, (name, asked.strength.unwrap_or(1.0))).await?;
    }
    let loaded = &*loaded;
    let adapter = loaded.adapter().filter(|_| asked.adapter.is_some()).unwrap_or(&Base);
    let prompts = [ids(&asked.prompt, loaded)?];
    let mut device = Ok(());
    let mut watch = |event: generate::Event| {
        // Where the GPU failed, what it gave is no text.
        device = loaded.compute.check();
        if device.is_err() || inbox.cancelled() {
            return ControlFlow::Break(());
        }
        tell(asked.id, event, emit);
        ControlFlow::Continue(())
    };
    let tokenizer = &loaded.opened.tokenizer;
    let written = async {
        let mut generator = Generator::fitting(&loaded.model, adapter, &prompts, asked.max_tokens)?;
        generator.run(&prompts, tokenizer, &settings(asked, &loaded.opened.ends), &mut watch).await
    };
    let written = written.await;
    device?;
    loaded.compute.check()?;
    let summary = written.map_err(failure)?.pop();
    let summary = summary.ok_or_else(|| input(&"expected an answer, found none"))?;
    Ok(report(asked.id, prompts[0].len(), summary))
}

fn ids<R: Read + Seek>(prompt: &Prompt, loaded: &Loaded<R>) -> Result<Vec<u32>, Failure> {
    let (tokenizer, template) = (&loaded.opened.tokenizer, &loaded.opened.template);
    match prompt {
        Prompt::Text(text) => Ok(open::prompt(tokenizer, text, Specials::AsText)),
        Prompt::Chat(turns) => {
            let messages: Vec<Message> =
                turns.iter().map(|turn| message(&turn.role, &turn.content)).collect();
            let rendered = template.render(tokenizer, &messages, true, &template_options(tokenizer, today()));
            Ok(rendered.map_err(|error| input(&error))?.encode(&mut tokenizer.encoder()).0)
        }
    }
}

fn settings(asked: &Generate, ends: &[u32]) -> Settings {
    let wanted = &asked.sampling;
    let sampling = Sampling {
        temperature: wanted.temperature,
        top_k: wanted.top_k,
        top_p: wanted.top_p,
        min_p: wanted.min_p,
        repetition_penalty: wanted.repetition_penalty,
        repetition_window: None,
        seed: wanted.seed,
    };
    Settings { sampling, max_tokens: asked.max_tokens, stops: asked.stops.clone(), ends: ends.to_vec() }
}

fn tell(id: u64, event: generate::Event, emit: &mut impl FnMut(Event)) {
    match event {
        generate::Event::Read { done, total } => emit(Event::Model(ModelEvent::Read { id, done, total })),
        generate::Event::Piece(Piece { text: "", .. }) => {}
        generate::Event::Piece(Piece { text, .. }) => {
            emit(Event::Model(ModelEvent::Wrote { id, text: text.to_owned() }));
        }
    }
}

fn report(id: u64, prompt_tokens: usize, summary: Summary) -> Written {
    Written {
        id,
        end: match summary.end {
            generate::End::Token(_) => End::Model,
            generate::End::Stop(text) => End::Stop(text),
            generate::End::MaxTokens => End::MaxTokens,
            generate::End::Context => End::Context,
            generate::End::Cancelled => End::Cancelled,
        },
        prompt_tokens,
        tokens: summary.ids.len(),
        first_token_secs: summary.prefill_secs,
        decode_secs: summary.decode_secs,
    }
}

fn failure(error: GenerateError) -> Failure {
    match error {
        GenerateError::Context { tokens, room, .. } => Failure::Context { tokens, room },
        GenerateError::Memory { .. } => Failure::OutOfMemory,
        GenerateError::Device(reason) => DeviceError::because(reason).into(),
        GenerateError::Sampling(error @ SamplingError::NotFinite { .. }) => {
            Failure::NotFinite { reason: error.to_string() }
        }
        other => input(&other),
    }
}
