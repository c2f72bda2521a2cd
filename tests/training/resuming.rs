//! Killed at any moment and resumed, a run has the losses and the adapter of one that was not, to the last bit.

use crate::harness::{Fate, Machine, Told, config, train, train_and_die, train_until};
use smolder_formats::Source;
use smolder_formats::template::ChatTemplate;
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{TrainCommand, TrainEvent};
use smolder_tests::fixtures::open_gguf;
use smolder_tests::{TestDevice, on_every_device};
use smolder_trainer::load_rows;
use std::collections::BTreeMap;
use std::io::Cursor;

on_every_device!(killed_at_every_write, killed_behind_every_step, stopped_with_everything_random_on);

const ADAPTER: &str = "adapter_model.safetensors";

/// Each step's loss by its bits; fails where a step that was done again had another one.
fn bits<'a>(parts: impl IntoIterator<Item = &'a Told>) -> BTreeMap<u64, u32> {
    let mut found = BTreeMap::new();
    for (step, loss) in parts.into_iter().flat_map(Told::losses) {
        let before = found.insert(step, loss.to_bits());
        assert!(before.is_none_or(|before| before == loss.to_bits()), "step {step} has two losses");
    }
    found
}

/// Every source of randomness that a run has.
fn random(device: &TestDevice) -> TrainConfig {
    let mut config = TrainConfig {
        checkpoint_every: 2,
        grad_accum: 2,
        weight_decay: 0.01,
        warmup_steps: 2,
        seed: 11,
        ..config(device)
    };
    config.options.insert("dropout".to_owned(), 0.2.into());
    config
}

fn assert_same(whole: (&Machine, &Told), parts: (&Machine, &[Told]), when: &str) {
    assert_eq!(bits([whole.1]), bits(parts.1), "{when}");
    assert!(whole.0.file("out", ADAPTER).is_some());
    assert_eq!(whole.0.file("out", ADAPTER), parts.0.file("out", ADAPTER), "{when}: another adapter");
}

async fn killed_at_every_write(device: &TestDevice) {
    let config = TrainConfig { steps: Some(4), ..random(device) };
    let machine = Machine::new();
    machine.fated(Fate::Written);
    let whole = train(&machine, &config, false);
    // Before the first step, after two, after four, and the adapter's three files.
    assert_eq!(machine.writes(), 6);
    // Every session on a GPU compiles its shaders anew.
    let writes = if device.is_gpu() { 1..2 } else { 0..6 };
    for fate in writes.flat_map(|write| [Fate::DiesBefore(write), Fate::DiesAfter(write)]) {
        let other = Machine::new();
        other.fated(fate);
        let first = train_and_die(&other, &config, false, |_| false);
        assert!(!first.0.iter().any(|event| matches!(event, TrainEvent::Finished(_))), "{fate:?}");
        other.fated(Fate::Written);
        let second = train(&other, &config, true);
        second.end();
        assert_same((&machine, &whole), (&other, &[first, second]), &format!("{fate:?}"));
    }
}

async fn killed_behind_every_step(device: &TestDevice) {
    let config = TrainConfig { eval_split: Some(0.2), ..random(device) };
    let machine = Machine::new();
    let whole = train(&machine, &config, false);
    let steps = if device.is_gpu() { vec![3] } else { vec![1, 3, 4, 6] };
    for step in steps {
        let other = Machine::new();
        let dies = |event: &TrainEvent| matches!(event, TrainEvent::Stepped(report) if report.step == step);
        let first = train_and_die(&other, &config, false, dies);
        assert_eq!(first.losses().len() as u64, step);
        let second = train(&other, &config, true);
        assert_same((&machine, &whole), (&other, &[first, second]), &format!("killed behind step {step}"));
    }
}

async fn stopped_with_everything_random_on(device: &TestDevice) {
    let config = TrainConfig { packing: true, ..random(device) };
    let machine = Machine::new();
    let whole = train(&machine, &config, false);
    let (other, mut parts) = (Machine::new(), Vec::new());
    let stops = if device.is_gpu() { vec![3, 9] } else { vec![1, 2, 5, 9] };
    for stop in stops {
        parts.push(train_until(&other, &config, !parts.is_empty(), |event| match event {
            TrainEvent::Stepped(report) if report.step == stop => Some(TrainCommand::Stop),
            _ => None,
        }));
    }
    assert_same((&machine, &whole), (&other, &parts), "stopped on its way");
    if device.is_gpu() {
        return;
    }
    let seeds = train(&Machine::new(), &TrainConfig { seed: 12, ..config.clone() }, false);
    assert_ne!(bits([&whole]), bits([&seeds]));
    let mut plain = config;
    plain.options.remove("dropout");
    assert_ne!(bits([&whole]), bits([&train(&Machine::new(), &plain, false)]), "dropout does something");
}

/// A template that writes today's date, and a run that goes on on another day: its checkpoint says which day to tell.
#[test]
fn rows_are_told_the_day_that_they_are_asked_for() {
    let source =
        "{{ strftime_now('%d %B %Y') }}{% for message in messages %}{{ message.content }}{% endfor %}";
    let template = ChatTemplate::new(Some(source)).unwrap();
    let tokenizer = open_gguf("models/llama-llama3/q4_0.gguf").tokenizer;
    let config = TrainConfig { raw: false, ..config(&TestDevice::cpu()) };
    let rows = |day| {
        let data = Cursor::new(br#"{"prompt": "a", "completion": "b"}"#.to_vec());
        let source = Source::new("rows.jsonl", data).unwrap();
        let rows = load_rows(source, (&tokenizer, &template), &config, day).unwrap().0.rows;
        rows[0].ids.clone()
    };
    assert_eq!(rows((2026, 11, 22)), rows((2026, 11, 22)));
    assert_ne!(rows((2026, 11, 22)), rows((2026, 11, 23)));
}
