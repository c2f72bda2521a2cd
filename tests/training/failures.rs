//! What a run refuses, survives, and says.

use crate::harness::{Fate, Machine, config, train};
use serde_json::Value;
use smolder_formats::tokenizer::Specials;
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{EndCause, Failure, ScheduleKind, TrainEvent, Warning};
use smolder_tests::fixtures::open_gguf;
use smolder_tests::{TestDevice, on_every_device};

on_every_device!(weights_that_diverge_are_taken_back);

#[test]
fn a_disk_that_is_full_loses_nothing() {
    let config = TrainConfig { steps: Some(4), checkpoint_every: 1, ..config(&TestDevice::cpu()) };
    let machine = Machine::new();
    machine.fated(Fate::Written);
    let whole = train(&machine, &config, false);
    let writes = machine.writes();
    assert_eq!(writes, 8, "five checkpoints and three files");
    for write in 0..writes {
        let other = Machine::new();
        other.fated(Fate::FullAt(write));
        let told = train(&other, &config, false);
        if (1..5).contains(&write) {
            let unwritten = |warning: &Warning| matches!(warning, Warning::CheckpointNotWritten { step, .. } if *step == write as u64);
            assert!(told.warnings().iter().any(unwritten), "write {write}: {told:?}");
            assert_eq!(told.losses(), whole.losses(), "training goes on");
        } else {
            assert!(matches!(told.failure(), Failure::Storage { full: true, .. }), "write {write}: {told:?}");
        }
        other.fated(Fate::Written);
        let resumed = train(&other, &config, true);
        assert_eq!(resumed.end().cause, EndCause::Complete, "with room again");
        let adapter = |machine: &Machine| machine.file("out", "adapter_model.safetensors");
        assert_eq!(adapter(&other), adapter(&machine), "write {write}");
    }
}

#[test]
fn a_disk_that_stays_full_keeps_the_last_checkpoint() {
    let config = TrainConfig { checkpoint_every: 1, ..config(&TestDevice::cpu()) };
    let machine = Machine::new();
    machine.fated(Fate::FullFrom(3));
    let told = train(&machine, &config, false);
    assert!(matches!(told.failure(), Failure::Storage { full: true, .. }), "{told:?}");
    assert_eq!(told.losses().len(), 6);
    machine.fated(Fate::Written);
    let resumed = train(&machine, &config, true);
    assert_eq!(resumed.losses(), told.losses()[2..]);
}

/// The failure of a run whose settings or data `change` made wrong.
fn refused(change: impl FnOnce(&mut TrainConfig, &mut Machine)) -> Failure {
    let (mut config, mut machine) = (config(&TestDevice::cpu()), Machine::new());
    change(&mut config, &mut machine);
    let told = train(&machine, &config, false);
    assert!(machine.file("out", "adapter_model.safetensors").is_none());
    told.failure()
}

fn data(machine: &mut Machine, text: &str) {
    machine.data.insert("rows.jsonl".to_owned(), text.to_owned());
}

fn option(config: &mut TrainConfig, name: &str, value: Value) {
    config.options.insert(name.to_owned(), value);
}

type Change = fn(&mut TrainConfig, &mut Machine);

#[test]
fn settings_and_data_that_cannot_train_are_named() {
    for lr in [0.0, f64::NAN, 1e9] {
        let failure = refused(|config, _| config.lr = Some(lr));
        assert!(matches!(&failure, Failure::Settings(found) if found[0].setting == "lr"), "{failure:?}");
    }
    let nothing = "{\"prompt\": \"a long question\", \"completion\": \"b\"}\n";
    let failure = refused(|config, machine| (config.seq_len, ()) = (4, data(machine, nothing)));
    assert_eq!(failure, Failure::NothingToLearn);
    let cases: [(&str, Change); 7] = [
        ("none.jsonl", |config, _| config.data = "none.jsonl".to_owned()),
        ("empty file", |_, machine| data(machine, "")),
        ("columns", |_, machine| data(machine, "{\"a\": 1}\n")),
        ("`prompt`", |_, machine| data(machine, "{\"prompt\": \"\", \"completion\": \"b\"}\n")),
        ("one of lora, lora-plus, ", |config, _| config.method = "other".to_owned()),
        ("none_proj", |config, _| option(config, "targets", "q_proj,none_proj".into())),
        ("`rank`", |config, _| option(config, "rank", 0.into())),
    ];
    for (words, change) in cases {
        let failure = refused(change);
        assert!(
            matches!(&failure, Failure::Input { reason } if reason.contains(words)),
            "{words}: {failure:?}"
        );
    }
}

#[test]
fn what_differs_from_a_checkpoint_is_named() {
    let (machine, config) = (Machine::new(), config(&TestDevice::cpu()));
    train(&machine, &config, false).end();
    let mut other = TrainConfig { seed: 5, ..config.clone() };
    other.options.insert("rank".to_owned(), 4.into());
    let Failure::OtherRun { differences } = train(&machine, &other, true).failure() else {
        panic!("another run")
    };
    assert!(differences.iter().any(|line| line.starts_with("seed: expected 0")), "{differences:?}");
    assert!(differences.iter().any(|line| line.starts_with("options: ")), "{differences:?}");
    let longer = TrainConfig { steps: Some(8), ..config };
    assert_eq!(train(&machine, &longer, true).losses().len(), 2, "it may last longer");
}

#[test]
fn rows_and_batches_that_do_not_fit_are_told() {
    let config = TrainConfig { seq_len: 1 << 20, batch_size: Some(64), ..config(&TestDevice::cpu()) };
    let told = train(&Machine::new(), &config, false);
    assert_eq!((told.end().step, told.losses().len()), (6, 6));
    let warnings = told.warnings();
    assert!(
        matches!(warnings[0], Warning::SeqLenLowered { wanted: 1_048_576, context } if context < 1 << 20)
    );
    assert!(warnings.contains(&Warning::BatchLargerThanData { wanted: 64, rows: 10 }), "{warnings:?}");
}

#[test]
fn an_adapter_that_does_not_move_is_told() {
    let config = TrainConfig { lr: Some(1e-300), ..config(&TestDevice::cpu()) };
    let told = train(&Machine::new(), &config, false);
    assert_eq!(told.warnings().last(), Some(&Warning::AdapterFrozen { step: 6 }));
    let moved = train(&Machine::new(), &TrainConfig { lr: Some(1e-3), ..config }, false);
    assert!(!moved.warnings().iter().any(|warning| matches!(warning, Warning::AdapterFrozen { .. })));
}

/// An adapter in `start` that makes one text's tokens infinite, though its own numbers are not.
fn explosive(machine: &Machine, config: &TrainConfig, text: &str) {
    train(machine, &TrainConfig { steps: Some(1), out: "start".to_owned(), ..config.clone() }, false).end();
    let tokenizer = open_gguf(&format!("models/{}", config.model)).tokenizer;
    let ids = tokenizer.encoder().encode(text, Specials::AsText);
    let mut adapter = machine.adapter("start");
    for tensor in &mut adapter.tensors {
        match tensor.part.as_str() {
            "lora_embedding_A" => {
                let vocabulary = tensor.shape[1] as usize;
                tensor.values.fill(0.0);
                for id in &ids {
                    tensor.values[vocabulary + *id as usize] = 3e38;
                }
            }
            "lora_embedding_B" => tensor.values.fill(1.0),
            _ => {}
        }
    }
    let mut bytes = Vec::new();
    adapter.write_weights(&mut bytes).unwrap();
    let file = "adapter_model.safetensors".to_owned();
    machine.disk.borrow_mut().get_mut("start").unwrap().insert(file, bytes);
}

/// Its step is left out and told, and all others are as if it had never been there.
#[test]
fn one_batch_without_a_finite_number_is_skipped_and_the_rest_is_trained_on() {
    const BAD: &str = "~";
    let rows = |bad: &str| {
        let text = |at: usize| if at == 2 { format!("the sea{bad}and") } else { format!("the end of {at}") };
        let row = |at: usize| format!("{{\"text\": \"{}\"}}\n", text(at));
        (0..6).map(row).collect::<Vec<_>>().concat()
    };
    let mut config = TrainConfig { batch_size: Some(1), shuffle: false, ..config(&TestDevice::cpu()) };
    option(&mut config, "targets", "embed_tokens,q_proj".into());
    let mut machine = Machine::new();
    data(&mut machine, &rows(BAD));
    explosive(&machine, &config, BAD);
    config.adapter = Some("start".to_owned());
    let told = train(&machine, &config, false);
    let skipped = |one: &Warning| matches!(one, Warning::StepSkipped { step: 3, in_a_row: 1, .. });
    assert_eq!(told.warnings().iter().filter(|one| skipped(one)).count(), 1, "{:?}", told.warnings());
    assert!(!told.warnings().iter().any(|one| matches!(one, Warning::RolledBack { .. })));
    let steps: Vec<u64> = told.losses().iter().map(|(step, _)| *step).collect();
    assert_eq!((steps, told.end().step), (vec![1, 2, 4, 5, 6], 6));
    assert!(told.losses().iter().all(|(_, loss)| loss.is_finite()));
    data(&mut machine, &rows(" "));
    let well = train(&machine, &TrainConfig { out: "well".to_owned(), ..config }, false);
    assert_eq!(well.losses()[..2], told.losses()[..2]);
    assert_eq!(well.losses().len(), 6, "it was that text");
}

/// Weight decay above 2/lr makes weights grow, each step ninefold, until the learning rate has fallen.
async fn weights_that_diverge_are_taken_back(device: &TestDevice) {
    let config = TrainConfig {
        lr: Some(1.0),
        weight_decay: 10.0,
        schedule: ScheduleKind::Linear,
        steps: Some(60),
        checkpoint_every: 4,
        ..config(device)
    };
    let machine = Machine::new();
    let told = train(&machine, &config, false);
    let warnings = told.warnings();
    let skipped = warnings.iter().filter(|one| matches!(one, Warning::StepSkipped { .. })).count();
    let back = warnings.iter().filter(|one| matches!(one, Warning::RolledBack { .. })).count();
    assert!(skipped >= 3 && back >= 1, "{warnings:?}");
    assert!(told.losses().iter().all(|(_, loss)| loss.is_finite()));
    let steps: Vec<u64> = told.losses().iter().map(|(step, _)| *step).collect();
    assert!(steps.is_sorted(), "the steps go on");
    match told.0.last() {
        Some(TrainEvent::Finished(end)) => assert_eq!(end.step, 60),
        Some(TrainEvent::Failed(Failure::NotFinite { step })) => {
            assert!(machine.file("out", "adapter_model.safetensors").is_none() && *step < 60);
            let again = train(&machine, &config, true);
            assert!(
                again.losses().first().is_some_and(|(first, _)| first <= step),
                "a finite checkpoint is left"
            );
        }
        other => panic!("{other:?}"),
    }
}
