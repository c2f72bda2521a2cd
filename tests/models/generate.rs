//! What models write: as transformers does, together as alone, and only as long as asked.

#![cfg_attr(
    target_family = "wasm",
    allow(dead_code, unused_imports, reason = "a browser runs one case of these")
)]

use smolder_formats::tokenizer::{Specials, Tokenizer};
use smolder_kernels::burn::tensor::Tensor;
use smolder_models::generate::{End, Event, GenerateError, Generator, Settings, Summary, positions};
use smolder_models::peft::{Adapter, Base, Parameter};
use smolder_models::sampling::{Sampling, SamplingError};
use smolder_models::{Linear, Model, open};
use smolder_tests::fixtures::{Case, cases};
use smolder_tests::{TestDevice, assert_close, on_every_device, values, wide};
use std::ops::ControlFlow;

#[cfg(not(target_family = "wasm"))]
on_every_device!(
    greedy_continuations_are_those_of_transformers,
    a_batch_writes_what_each_prompt_would_alone,
    only_what_is_new_of_a_prompt_is_read,
    long_texts_are_read_in_passes,
    cancelling_ends_at_once,
    stop_strings_are_found_across_tokens,
    seeds_reproduce_and_differ,
    the_context_is_not_left,
    damaged_logits_are_an_error,
);

// The other cases ask for models that a browser is not given.
#[cfg(target_family = "wasm")]
on_every_device!(greedy_continuations_are_those_of_transformers);

/// Tokens of a continuation: in a browser, where a pass takes ten times as long, its beginning.
const TOKENS: usize = if cfg!(target_family = "wasm") { 16 } else { 64 };

/// A model with its tokenizer.
struct Ready {
    case: Case,
    model: Model,
    tokenizer: Tokenizer,
}

impl Ready {
    async fn new(case: Case, device: &TestDevice) -> Self {
        let (model, tokenizer) = (case.load(&device.device).await, case.open().tokenizer);
        Self { case, model, tokenizer }
    }

    async fn named(name: &str, device: &TestDevice) -> Self {
        Self::new(cases().into_iter().find(|case| case.name == name).unwrap(), device).await
    }

    /// What becomes of each prompt, and the text that was streamed of it.
    async fn write(&self, prompts: &[Vec<u32>], settings: &Settings) -> Vec<(Summary, String)> {
        let mut generator = Generator::fitting(&self.model, &Base, prompts, settings.max_tokens).unwrap();
        self.go_on(&mut generator, prompts, settings).await
    }

    async fn go_on(
        &self,
        generator: &mut Generator<'_>,
        prompts: &[Vec<u32>],
        settings: &Settings,
    ) -> Vec<(Summary, String)> {
        let mut texts = vec![String::new(); prompts.len()];
        let mut watch = |event: Event| {
            if let Event::Piece(piece) = event {
                texts[piece.sequence] += piece.text;
            }
            ControlFlow::Continue(())
        };
        let summaries = generator.run(prompts, &self.tokenizer, settings, &mut watch).await.unwrap();
        summaries.into_iter().zip(texts).collect()
    }
}

fn greedy(max_tokens: usize) -> Settings {
    Settings { max_tokens, ..Settings::default() }
}

async fn greedy_continuations_are_those_of_transformers(device: &TestDevice) {
    for case in cases() {
        let prompt = case.prompt();
        let opened = case.open();
        assert_eq!(open::prompt(&opened.tokenizer, &prompt.text, Specials::AsText), prompt.ids);
        let ready = Ready::new(case, device).await;
        let tokens = prompt.greedy.len().min(TOKENS);
        let settings = Settings { ends: opened.ends, ..greedy(tokens) };
        let written = ready.write(std::slice::from_ref(&prompt.ids), &settings).await;
        let (summary, text) = &written[0];
        assert_eq!(summary.ids, prompt.greedy[..tokens], "{}", ready.case.name);
        assert_eq!(*text, prompt.greedy_text[..text.len()], "{}", ready.case.name);
        assert!(tokens < prompt.greedy.len() || *text == prompt.greedy_text, "{}", ready.case.name);
        assert_eq!((&summary.end, summary.read), (&End::MaxTokens, prompt.ids.len()));
        assert!(summary.prefill_secs > 0.0 && summary.decode_secs > 0.0);
    }
}

/// Prompts that end in different places of a known continuation go on with the rest of it; one meets an end first.
async fn a_batch_writes_what_each_prompt_would_alone(device: &TestDevice) {
    let ready = Ready::named("qwen2-hf", device).await;
    let prompt = ready.case.prompt();
    let starts = [0, 7, 3, 12];
    let prompts = starts.map(|start| [&prompt.ids[..], &prompt.greedy[..start]].concat());
    let end = prompt.greedy[9];
    let written = ready.write(&prompts, &Settings { ends: vec![end], ..greedy(8) }).await;
    for (start, (summary, _)) in starts.into_iter().zip(&written) {
        let rest = prompt.greedy[start..].iter().copied().take(8);
        let expected: Vec<u32> = rest.take_while(|id| *id != end).collect();
        assert_eq!(summary.ids, expected, "from token {start}");
        let why = if expected.len() < 8 { End::Token(end) } else { End::MaxTokens };
        assert_eq!(summary.end, why, "from token {start}");
    }
    let lengths: Vec<usize> = written.iter().map(|(summary, _)| summary.ids.len()).collect();
    assert!(lengths.contains(&8) && lengths.iter().any(|len| *len < 8), "{lengths:?}");
}

async fn only_what_is_new_of_a_prompt_is_read(device: &TestDevice) {
    let ready = Ready::named("phi3-q5_1", device).await;
    let prompt = ready.case.prompt();
    let mut generator = Generator::new(&ready.model, &Base, 1, 64).unwrap();
    let first = ready.go_on(&mut generator, std::slice::from_ref(&prompt.ids), &greedy(10)).await;
    assert_eq!(first[0].0.read, prompt.ids.len());
    let longer = [&prompt.ids[..], &prompt.greedy[..14]].concat();
    let second = ready.go_on(&mut generator, &[longer], &greedy(10)).await;
    assert_eq!(second[0].0.ids, prompt.greedy[14..24]);
    assert_eq!(second[0].0.read, 5, "the tenth token was chosen, but not read");
    let again = ready.go_on(&mut generator, std::slice::from_ref(&prompt.ids), &greedy(10)).await;
    assert_eq!((&again[0].0.ids[..], again[0].0.read), (&prompt.greedy[..10], 1));
    let other = [&prompt.ids[..5], &prompt.ids[..]].concat();
    let other = ready.go_on(&mut generator, &[other], &greedy(1)).await;
    assert_eq!(other[0].0.read, prompt.ids.len(), "the first five are the same");
}

/// More tokens than a pass takes have the logits that one pass over all of them gives.
async fn long_texts_are_read_in_passes(device: &TestDevice) {
    let mut case = Ready::named("llama-f32", device).await;
    let mut config = case.model.config().clone();
    config.sizes.context = 2048;
    case.model = case.case.load_as(config, &device.device).await;
    let ids: Vec<u32> = case.case.ids().into_iter().cycle().take(600).collect();
    let mut found = Vec::new();
    let mut each = |logits: &[f32]| {
        found.extend_from_slice(logits);
        ControlFlow::Continue(())
    };
    let ended = positions(&case.model, &Base, &ids, &mut each).await;
    assert_eq!(ended, Ok(ControlFlow::Continue(())));
    let batch = case.model.batch(&[&ids], &Base);
    let expected = values(case.model.logits(case.model.hidden(&batch, None, &Base), &Base)).await;
    assert_close(&found, &wide(&expected), 0.0, 1e-4);
    let row = &expected[599 * case.model.vocabulary()..];
    let best = (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap() as u32;
    let mut read = Vec::new();
    let mut watch = |event: Event| {
        if let Event::Read { done, total } = event {
            read.push((done, total));
        }
        ControlFlow::Continue(())
    };
    let prompts = [ids[..10].to_vec(), ids];
    let mut generator = Generator::fitting(&case.model, &Base, &prompts, 1).unwrap();
    let written = generator.run(&prompts, &case.tokenizer, &greedy(1), &mut watch).await.unwrap();
    assert_eq!(written[1].ids, [best]);
    assert_eq!(read, [(512, 610), (610, 610)]);
}

async fn cancelling_ends_at_once(device: &TestDevice) {
    let ready = Ready::named("qwen2-hf", device).await;
    let prompt = ready.case.prompt();
    let mut generator = Generator::new(&ready.model, &Base, 2, 64).unwrap();
    let prompts = [prompt.ids.clone(), prompt.ids[..4].to_vec()];
    for stop_after in 0..4 {
        let mut events = 0;
        let mut watch = |event: Event| {
            events += 1;
            assert_eq!(matches!(event, Event::Read { .. }), events == 1);
            if events > stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let ended = generator.run(&prompts, &ready.tokenizer, &greedy(20), &mut watch).await.unwrap();
        assert_eq!(events, stop_after + 1);
        assert!(ended.iter().all(|summary| summary.end == End::Cancelled), "{ended:?}");
        assert_eq!(ended.iter().map(|summary| summary.ids.len()).sum::<usize>(), stop_after);
    }
    let after = ready.go_on(&mut generator, &prompts, &greedy(20)).await;
    assert_eq!(after[0].0.ids, prompt.greedy[..20], "what was cancelled leaves nothing wrong behind");
}

async fn stop_strings_are_found_across_tokens(device: &TestDevice) {
    let ready = Ready::named("llama-hf", device).await;
    let prompt = ready.case.prompt();
    let text = |id: &u32| ready.tokenizer.decode(&[*id], false);
    let (left, right) = (text(&prompt.greedy[5]), text(&prompt.greedy[6]));
    let stop = format!("{}{}", left.chars().last().unwrap(), right.chars().next().unwrap());
    let (before, _) = prompt.greedy_text.split_once(&stop).unwrap();
    let stops = vec!["not there".to_owned(), stop.clone()];
    let written = ready.write(std::slice::from_ref(&prompt.ids), &Settings { stops, ..greedy(64) }).await;
    assert_eq!((&written[0].1[..], &written[0].0.end), (before, &End::Stop(stop)));
    assert!(written[0].0.ids.len() < 64);
    let held = prompt.greedy_text.chars().next_back().unwrap().to_string() + "…";
    let written = ready.write(&[prompt.ids], &Settings { stops: vec![held], ..greedy(64) }).await;
    assert_eq!(written[0].1, prompt.greedy_text, "what became no stop string is shown at the end");
}

async fn seeds_reproduce_and_differ(device: &TestDevice) {
    let ready = Ready::named("smollm3-hf", device).await;
    let prompt = ready.case.prompt().ids;
    let seeded = |seed| {
        let sampling = Sampling { temperature: 1.0, top_k: 40, seed, ..Sampling::default() };
        Settings { sampling, ..greedy(16) }
    };
    let alone = async |seed| ready.write(std::slice::from_ref(&prompt), &seeded(seed)).await.remove(0).0.ids;
    let (one, two) = (alone(7).await, alone(8).await);
    assert_eq!(one, alone(7).await);
    assert_ne!(one, two);
    let both = ready.write(&[prompt.clone(), prompt.clone()], &seeded(7)).await;
    assert_eq!((&both[0].0.ids, &both[1].0.ids), (&one, &two), "each sequence has the next seed");
}

async fn the_context_is_not_left(device: &TestDevice) {
    let ready = Ready::named("qwen3-hf", device).await;
    let prompt = ready.case.prompt();
    let (tokens, vocabulary) = (prompt.ids.len(), ready.model.vocabulary());
    let mut generator = Generator::new(&ready.model, &Base, 1, tokens + 3).unwrap();
    let written = ready.go_on(&mut generator, std::slice::from_ref(&prompt.ids), &greedy(24)).await;
    assert_eq!((&written[0].0.ids[..], &written[0].0.end), (&prompt.greedy[..3], &End::Context));
    let context = ready.model.config().sizes.context as usize;
    let fitting = |prompts: &[Vec<u32>]| Generator::fitting(&ready.model, &Base, prompts, 8).err();
    let long = vec![prompt.ids.clone(), vec![3; context]];
    let error = GenerateError::Context { sequence: 1, tokens: context, room: context - 1 };
    assert_eq!(fitting(&long), Some(error.clone()));
    assert!(error.to_string().contains(&format!("prompt 2: expected at most {} tokens", context - 1)));
    assert_eq!(fitting(&[vec![3; context - 1]]), None);
    if !device.is_gpu() {
        let huge = Generator::new(&ready.model, &Base, usize::MAX, 9).err();
        assert_eq!(huge, Some(GenerateError::Memory { bytes: u64::MAX }));
    }
    assert_eq!(fitting(&[vec![]]), Some(GenerateError::NoTokens { sequence: 0 }));
    let id = vocabulary as u32;
    assert_eq!(fitting(&[vec![id]]), Some(GenerateError::UnknownToken { sequence: 0, id, vocabulary }));
    let two = [prompt.ids.clone(), prompt.ids];
    let mut ignore = |_: Event| ControlFlow::Continue(());
    let error = generator.run(&two, &ready.tokenizer, &greedy(1), &mut ignore).await;
    assert_eq!(error, Err(GenerateError::Sequences { prompts: 2, room: 1 }));
}

/// An adapter whose numbers overflowed.
#[derive(Debug)]
struct Damaged;

impl Adapter for Damaged {
    fn linear(&self, linear: &Linear, x: Tensor<2>) -> Tensor<2> {
        linear.frozen(x) * f32::NAN
    }

    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }

    fn with(&self, _: Vec<Tensor<2>>) -> Box<dyn Adapter> {
        Box::new(Self)
    }
}

async fn damaged_logits_are_an_error(device: &TestDevice) {
    let ready = Ready::named("llama-hf", device).await;
    let prompt = ready.case.prompt().ids;
    let mut ignore = |_: Event| ControlFlow::Continue(());
    let mut generator = Generator::new(&ready.model, &Damaged, 1, 32).unwrap();
    let error = generator.run(std::slice::from_ref(&prompt), &ready.tokenizer, &greedy(4), &mut ignore).await;
    let error = error.unwrap_err();
    assert!(matches!(error, GenerateError::Sampling(SamplingError::NotFinite { .. })), "{error}");
    let all = positions(&ready.model, &Damaged, &prompt, &mut |_| ControlFlow::Continue(())).await;
    assert!(matches!(all, Err(GenerateError::Sampling(SamplingError::NotFinite { .. }))), "{all:?}");
}
