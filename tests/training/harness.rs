//! A session whose files are in memory, and whose disk and process may fail.

use futures_util::stream;
use smolder_formats::Source;
use smolder_formats::adapter::PeftAdapter;
use smolder_models::Opened;
use smolder_protocol::train::{DeviceChoice, End, Failure, Plan, TrainCommand, TrainEvent, Warning};
use smolder_protocol::{Command, Event, TrainConfig};
use smolder_tests::TestDevice;
use smolder_tests::fixtures::{Bytes, bytes, open_gguf};
use smolder_trainer::checkpoint::{Store, StoreError};
use smolder_trainer::{FileError, Files};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;

/// What happens at a write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    /// It succeeds.
    Written,
    /// There is no room for this write, counted from 0.
    FullAt(usize),
    /// Nor for any later one.
    FullFrom(usize),
    /// The process dies before this write.
    DiesBefore(usize),
    /// The process dies right after it.
    DiesAfter(usize),
}

/// Files by name.
type Folder = BTreeMap<String, Vec<u8>>;

/// Everything on the machine that a run may name.
#[derive(Clone, Default)]
pub struct Machine {
    /// Folders of files that runs wrote.
    pub disk: Rc<RefCell<BTreeMap<String, Folder>>>,
    /// Data files.
    pub data: BTreeMap<String, String>,
    /// Models beside those of the fixtures.
    pub models: BTreeMap<String, Vec<u8>>,
    fate: Rc<Cell<Option<Fate>>>,
    writes: Rc<Cell<usize>>,
}

const KILLED: &str = "the process was killed";

impl Machine {
    /// With the rows of `rows.jsonl`.
    pub fn new() -> Self {
        let rows = String::from_utf8(bytes("training/tiny/rows.jsonl")).unwrap();
        Self { data: [("rows.jsonl".to_owned(), rows)].into(), ..Self::default() }
    }

    /// Writes from now on meet this fate.
    pub fn fated(&self, fate: Fate) {
        self.fate.set(Some(fate));
        self.writes.set(0);
    }

    /// Writes since [`Self::fated`].
    pub fn writes(&self) -> usize {
        self.writes.get()
    }

    /// A file in a folder that a run wrote to.
    pub fn file(&self, folder: &str, name: &str) -> Option<Vec<u8>> {
        self.disk.borrow().get(folder)?.get(name).cloned()
    }

    /// The adapter in a folder, in PEFT's form.
    pub fn adapter(&self, folder: &str) -> PeftAdapter {
        let file = |name: &str| self.file(folder, name).unwrap_or_else(|| panic!("no {name} in {folder}"));
        let weights =
            Source::new("adapter_model.safetensors", Cursor::new(file("adapter_model.safetensors")));
        PeftAdapter::read(weights.unwrap(), Some(&file("adapter_config.json"))).unwrap()
    }
}

impl Files for Machine {
    type Reader = Bytes;
    type Store = MemoryStore;

    async fn model(&mut self, name: &str) -> Result<Opened<Bytes>, FileError> {
        let Some(bytes) = self.models.get(name) else { return Ok(open_gguf(&format!("models/{name}"))) };
        let mut find = |name: &str| Source::new(name, Cursor::new(bytes.clone())).map(Some);
        Ok(Opened::gguf(name, &mut find).unwrap())
    }

    async fn data(&mut self, name: &str) -> Result<Source<Bytes>, FileError> {
        let text =
            self.data.get(name).ok_or_else(|| FileError(format!("{name}: expected a file, found none")))?;
        Ok(Source::new(name, Cursor::new(text.clone().into_bytes())).unwrap())
    }

    async fn adapter(&mut self, name: &str, _: &mut Opened<Bytes>) -> Result<PeftAdapter, FileError> {
        if self.disk.borrow().contains_key(name) {
            return Ok(Machine::adapter(self, name));
        }
        let file = |file: &str| bytes(&format!("training/tiny/{name}/{file}"));
        let weights = Source::new(name, Cursor::new(file("adapter_model.safetensors"))).unwrap();
        Ok(PeftAdapter::read(weights, Some(&file("adapter_config.json"))).unwrap())
    }

    async fn store(&mut self, folder: &str) -> Result<MemoryStore, StoreError> {
        Ok(MemoryStore { machine: self.clone(), folder: folder.to_owned() })
    }
}

pub struct MemoryStore {
    machine: Machine,
    folder: String,
}

impl Store for MemoryStore {
    async fn put(&mut self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        let at = self.machine.writes.replace(self.machine.writes.get() + 1);
        let fate = self.machine.fate.get().unwrap_or(Fate::Written);
        let full = fate == Fate::FullAt(at) || matches!(fate, Fate::FullFrom(first) if at >= first);
        if full {
            return Err(StoreError::Full { file: name.to_owned(), bytes: content.len() as u64 });
        }
        assert!(fate != Fate::DiesBefore(at), "{KILLED}");
        let mut disk = self.machine.disk.borrow_mut();
        disk.entry(self.folder.clone()).or_default().insert(name.to_owned(), content.to_vec());
        drop(disk);
        assert!(fate != Fate::DiesAfter(at), "{KILLED}");
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        self.machine.file(&self.folder, name).ok_or_else(|| StoreError::Refused {
            file: name.to_owned(),
            action: "read",
            reason: "no such file".to_owned(),
        })
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        let disk = self.machine.disk.borrow();
        Ok(disk.get(&self.folder).into_iter().flat_map(|files| files.keys().cloned()).collect())
    }

    async fn remove(&mut self, name: &str) -> Result<(), StoreError> {
        if let Some(files) = self.machine.disk.borrow_mut().get_mut(&self.folder) {
            files.remove(name);
        }
        Ok(())
    }
}

/// Ten rows, two a batch, in order; LoRA of rank 2 on two layers' queries and values.
pub fn config(device: &TestDevice) -> TrainConfig {
    let mut config = TrainConfig {
        model: "llama-llama3/q4_0.gguf".to_owned(),
        data: "rows.jsonl".to_owned(),
        out: "out".to_owned(),
        raw: true,
        device: if device.is_gpu() { DeviceChoice::Gpu } else { DeviceChoice::Cpu },
        seq_len: 48,
        batch_size: Some(2),
        steps: Some(6),
        lr: Some(1e-2),
        ..TrainConfig::default()
    };
    config.options.insert("rank".to_owned(), 2.into());
    config.options.insert("targets".to_owned(), "q_proj,v_proj".into());
    config
}

/// All that a run said.
#[derive(Clone, Debug, Default)]
pub struct Told(pub Vec<TrainEvent>);

impl Told {
    /// Each step and its loss.
    pub fn losses(&self) -> Vec<(u64, f32)> {
        let loss = |event: &TrainEvent| match event {
            TrainEvent::Stepped(report) => Some((report.step, report.loss)),
            _ => None,
        };
        self.0.iter().filter_map(loss).collect()
    }

    pub fn warnings(&self) -> Vec<Warning> {
        let warning = |event: &TrainEvent| match event {
            TrainEvent::Warned(warning) => Some(warning.clone()),
            _ => None,
        };
        self.0.iter().filter_map(warning).collect()
    }

    /// How it ended; fails the test where it did not end well.
    pub fn end(&self) -> End {
        match self.0.last() {
            Some(TrainEvent::Finished(end)) => *end,
            other => panic!("{other:?}"),
        }
    }

    pub fn failure(&self) -> Failure {
        match self.0.last() {
            Some(TrainEvent::Failed(failure)) => failure.clone(),
            other => panic!("{other:?}"),
        }
    }
}

/// A run from its start, or from its newest checkpoint, to its end.
pub fn train(machine: &Machine, config: &TrainConfig, resume: bool) -> Told {
    train_until(machine, config, resume, |_| None)
}

/// The same, where each event may lead to a command.
pub fn train_until(
    machine: &Machine,
    config: &TrainConfig,
    resume: bool,
    mut answer: impl FnMut(&TrainEvent) -> Option<TrainCommand>,
) -> Told {
    let queue = RefCell::new(vec![TrainCommand::Start { config: Box::new(config.clone()), resume }]);
    let (over, mut told) = (Cell::new(false), Told::default());
    let commands = stream::poll_fn(|_| match queue.borrow_mut().pop() {
        Some(command) => Poll::Ready(Some(Command::Train(command))),
        None if over.get() => Poll::Ready(None),
        None => Poll::Pending,
    });
    let emit = |event: Event| {
        let Event::Train(event) = event else { return };
        queue.borrow_mut().extend(answer(&event));
        over.set(matches!(event, TrainEvent::Finished(_) | TrainEvent::Failed(_)));
        told.0.push(event);
    };
    pollster::block_on(smolder_trainer::run("test", machine.clone(), commands, emit));
    told
}

/// What a run would take, or why it could not begin.
pub fn estimate(machine: &Machine, config: &TrainConfig) -> Result<Plan, Failure> {
    let commands = stream::iter([Command::Estimate { id: 7, config: Box::new(config.clone()) }]);
    let mut found = None;
    let emit = |event: Event| {
        if let Event::Estimated { id: 7, plan } = event {
            found = Some(plan);
        }
    };
    pollster::block_on(smolder_trainer::run("test", machine.clone(), commands, emit));
    found.expect("an answer")
}

/// A run whose process may die; what it said before.
pub fn train_and_die(
    machine: &Machine,
    config: &TrainConfig,
    resume: bool,
    dies: impl Fn(&TrainEvent) -> bool,
) -> Told {
    let told = RefCell::new(Told::default());
    let attempt = || {
        train_until(machine, config, resume, |event| {
            told.borrow_mut().0.push(event.clone());
            assert!(!dies(event), "{KILLED}");
            None
        })
    };
    if let Err(reason) = catch_unwind(AssertUnwindSafe(attempt)) {
        let text =
            reason.downcast_ref::<String>().map(String::as_str).or(reason.downcast_ref::<&str>().copied());
        assert!(text.is_some_and(|text| text.contains(KILLED)), "{text:?}");
    }
    told.into_inner()
}
