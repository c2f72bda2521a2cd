//! A session as a front end meets it: commands in, events out, whatever goes wrong.

use futures_channel::mpsc::unbounded;
use smolder_formats::adapter::PeftAdapter;
use smolder_formats::gguf::{GgufFile, GgufWriter, TensorPlan, Value};
use smolder_formats::{Source, TensorInfo, TensorSource};
use smolder_models::Opened;
use smolder_protocol::model::{End, Failure, Generate, Loaded, Message, Prompt, Task, Written};
use smolder_protocol::train::DeviceChoice;
use smolder_protocol::{Command, Event, ModelCommand, ModelEvent};
use smolder_tests::fixtures::{Bytes, Case, bytes, cases, source};
use smolder_tests::{TestDevice, on_every_device};
use smolder_trainer::checkpoint::{Store, StoreError};
use smolder_trainer::{FileError, Files};
use std::cell::RefCell;
use std::io::Cursor;

on_every_device!(
    a_model_is_loaded_and_writes_as_transformers_does,
    cancelling_ends_an_answer_and_the_next_one_is_whole,
    cancelling_ends_loading,
    what_cannot_be_done_is_refused_and_the_session_goes_on,
    memory_that_is_not_there_is_refused_and_the_next_model_writes,
);

pub const MODEL: &str = "models/llama-k/k.gguf";

/// Fixtures by path, and a few that are damaged.
struct Fixtures;

impl Files for Fixtures {
    type Reader = Bytes;
    type Store = Nowhere;

    async fn model(&mut self, name: &str) -> Result<Opened<Bytes>, FileError> {
        let found = match name {
            "damaged" => bytes(MODEL)[..20_000].to_vec(),
            "other" => b"PK\x03\x04 is no model, but long enough to look at".to_vec(),
            "endless" => endless(),
            name => bytes(name),
        };
        let opened = Opened::gguf(name, &mut |_| Source::new(name, Cursor::new(found.clone())).map(Some));
        opened.map_err(|error| FileError(error.to_string()))
    }

    async fn data(&mut self, name: &str) -> Result<Source<Bytes>, FileError> {
        Err(FileError(name.to_owned()))
    }

    async fn adapter(&mut self, name: &str, _: &mut Opened<Bytes>) -> Result<PeftAdapter, FileError> {
        Err(FileError(format!("{name}: expected an adapter, found none")))
    }

    async fn store(&mut self, _: &str) -> Result<Nowhere, StoreError> {
        Ok(Nowhere)
    }
}

/// The model with a context that no memory holds.
fn endless() -> Vec<u8> {
    let mut file = GgufFile::open(source(MODEL)).unwrap();
    let mut metadata = file.header.metadata.clone();
    metadata.set("llama.context_length", Value::U32(1 << 30));
    let tensors = file.tensors().to_vec();
    let plan = |info: &TensorInfo| TensorPlan {
        name: info.name.clone(),
        shape: info.shape.clone(),
        dtype: info.dtype,
    };
    let mut writer = GgufWriter::begin(Vec::new(), &metadata, tensors.iter().map(plan).collect()).unwrap();
    for info in &tensors {
        writer.write_bytes(&file.read_tensor(info).unwrap()).unwrap();
    }
    writer.finish().unwrap()
}

/// No session of these tests writes anything.
struct Nowhere;

impl Store for Nowhere {
    async fn put(&mut self, _: &str, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn get(&self, _: &str) -> Result<Vec<u8>, StoreError> {
        Ok(Vec::new())
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    async fn remove(&mut self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

/// What is told of a model in answer to `commands`, where [`Command::Cancel`] comes in answer to the first event that is
/// `last_straw`.
pub async fn converse(
    files: impl Files,
    commands: Vec<Command>,
    last_straw: impl Fn(&ModelEvent) -> bool,
) -> Vec<ModelEvent> {
    let (sender, receiver) = unbounded();
    let mut answers_due = commands.len();
    for command in commands {
        sender.unbounded_send(command).unwrap();
    }
    let (mut sender, events, mut cancelled) = (Some(sender), RefCell::new(Vec::new()), false);
    let session = smolder_trainer::run("test", files, receiver, |event| {
        let Event::Model(event) = event else { return };
        if !cancelled && last_straw(&event) {
            sender.as_ref().unwrap().unbounded_send(Command::Cancel).unwrap();
            cancelled = true;
        }
        let on_the_way =
            matches!(event, ModelEvent::Loading { .. } | ModelEvent::Read { .. } | ModelEvent::Wrote { .. });
        answers_due -= usize::from(!on_the_way);
        if answers_due == 0 {
            sender = None;
        }
        events.borrow_mut().push(event);
    });
    Box::pin(session).await;
    events.into_inner()
}

pub fn never(_: &ModelEvent) -> bool {
    false
}

pub fn load(model: &str, device: &TestDevice) -> Command {
    let device = if device.is_gpu() { DeviceChoice::Gpu } else { DeviceChoice::Cpu };
    Command::Model(ModelCommand::Load { model: model.to_owned(), device })
}

pub fn case() -> Case {
    cases().into_iter().find(|case| case.name == "llama-k-k").unwrap()
}

/// The greedy continuation that is known.
pub fn known(id: u64) -> Generate {
    let prompt = case().prompt();
    Generate { id, prompt: Prompt::Text(prompt.text), max_tokens: prompt.greedy.len(), ..Generate::default() }
}

pub fn generate(asked: Generate) -> Command {
    Command::Model(ModelCommand::Generate(Box::new(asked)))
}

pub fn text(events: &[ModelEvent], wanted: u64) -> String {
    let pieces = events.iter().filter_map(|event| match event {
        ModelEvent::Wrote { id, text } if *id == wanted => Some(text.as_str()),
        _ => None,
    });
    pieces.collect()
}

fn written(events: &[ModelEvent], wanted: u64) -> &Written {
    let found = events.iter().find_map(|event| match event {
        ModelEvent::Written(written) if written.id == wanted => Some(written),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no answer {wanted} in {events:?}"))
}

pub fn loaded(events: &[ModelEvent]) -> &Loaded {
    let found = events.iter().find_map(|event| match event {
        ModelEvent::Loaded(loaded) => Some(loaded),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("nothing loaded in {events:?}"))
}

async fn a_model_is_loaded_and_writes_as_transformers_does(device: &TestDevice) {
    let events = converse(Fixtures, vec![load(MODEL, device), generate(known(7))], never).await;
    let prompt = case().prompt();
    assert_eq!(text(&events, 7), prompt.greedy_text);
    let Written { end, prompt_tokens, tokens, first_token_secs, decode_secs, .. } = written(&events, 7);
    assert_eq!((end, *prompt_tokens, *tokens), (&End::MaxTokens, prompt.ids.len(), prompt.greedy.len()));
    assert!(*first_token_secs > 0.0 && *decode_secs > 0.0);
    let opened = case().open();
    let facts = loaded(&events);
    assert_eq!((&*facts.architecture, facts.context), ("llama", opened.config.sizes.context));
    assert_eq!(facts.template_built_in, opened.template.is_built_in());
    let steps: Vec<(u64, u64)> = events
        .iter()
        .filter_map(|event| match event {
            ModelEvent::Loading { done_bytes, total_bytes } => Some((*done_bytes, *total_bytes)),
            _ => None,
        })
        .collect();
    assert!(steps.is_sorted() && steps.len() > 10, "{steps:?}");
    assert_eq!(steps.last(), Some(&(facts.bytes, facts.bytes)));
}

async fn cancelling_ends_an_answer_and_the_next_one_is_whole(device: &TestDevice) {
    let first_piece = |event: &ModelEvent| matches!(event, ModelEvent::Wrote { id: 1, .. });
    let commands = vec![load(MODEL, device), generate(known(1)), generate(known(2))];
    let events = converse(Fixtures, commands, first_piece).await;
    let cancelled = written(&events, 1);
    assert_eq!(cancelled.end, End::Cancelled);
    assert!(cancelled.tokens < known(1).max_tokens, "{cancelled:?}");
    assert_eq!(text(&events, 2), case().prompt().greedy_text);
}

async fn cancelling_ends_loading(device: &TestDevice) {
    let commands = vec![load(MODEL, device), generate(known(1)), load(MODEL, device)];
    let events = converse(Fixtures, commands, |event| matches!(event, ModelEvent::Loading { .. })).await;
    let refused = |task, failure| ModelEvent::Refused { task, failure, still_loaded: false };
    assert!(events.contains(&refused(Task::Load, Failure::Cancelled)), "{events:?}");
    assert!(events.contains(&refused(Task::Generate(1), Failure::NoModel)), "{events:?}");
    assert_eq!(loaded(&events).model, MODEL);
}

/// Each refusal, and what is done after all of them.
async fn what_cannot_be_done_is_refused_and_the_session_goes_on(device: &TestDevice) {
    let context = case().open().config.sizes.context as usize;
    let with = |id, change: fn(&mut Generate)| {
        let mut asked = known(id);
        change(&mut asked);
        generate(asked)
    };
    let commands = vec![
        load("damaged", device),
        load("other", device),
        load(MODEL, device),
        with(1, |asked| asked.prompt = Prompt::Text("long ".repeat(20_000))),
        with(2, |asked| asked.sampling.temperature = -1.0),
        with(3, |asked| asked.adapter = Some("mine".to_owned())),
        with(4, |asked| {
            let turn = Message { role: "wizard".to_owned(), content: "Abracadabra".to_owned() };
            asked.prompt = Prompt::Chat(vec![turn]);
            asked.max_tokens = 1;
        }),
        generate(known(5)),
    ];
    let events = converse(Fixtures, commands, never).await;
    let failures: Vec<(Task, &Failure, bool)> = events
        .iter()
        .filter_map(|event| match event {
            ModelEvent::Refused { task, failure, still_loaded } => Some((*task, failure, *still_loaded)),
            _ => None,
        })
        .collect();
    let reasons =
        ["expected", "ZIP archive", "", "temperature: expected 0 or more", "mine: expected an adapter"];
    let tasks = [Task::Load, Task::Load, Task::Generate(1), Task::Generate(2), Task::Generate(3)];
    assert_eq!(failures.len(), tasks.len(), "{failures:?}");
    for ((found, failure, still_loaded), (task, words)) in failures.iter().zip(tasks.iter().zip(reasons)) {
        assert_eq!((found, *still_loaded), (task, *task != Task::Load));
        match failure {
            Failure::Input { reason } => assert!(reason.contains(words), "{reason}"),
            Failure::Context { tokens, room } => assert_eq!((*tokens > *room, *room), (true, context - 1)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(text(&events, 5), case().prompt().greedy_text);
}

async fn memory_that_is_not_there_is_refused_and_the_next_model_writes(device: &TestDevice) {
    let long = Generate { max_tokens: usize::MAX, ..known(1) };
    let commands = vec![load("endless", device), generate(long), load(MODEL, device), generate(known(2))];
    let events = converse(Fixtures, commands, never).await;
    // A GPU that ran out of memory is opened anew.
    let (task, failure, still_loaded) = (Task::Generate(1), Failure::OutOfMemory, !device.is_gpu());
    assert!(events.contains(&ModelEvent::Refused { task, failure, still_loaded }), "{events:?}");
    written(&events, 2);
    assert_eq!(text(&events, 2), case().prompt().greedy_text);
}
