//! Continuing from adapters.

use crate::harness::{Machine, config, train};
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{Failure, Warning};
use smolder_tests::TestDevice;

#[test]
fn an_adapter_that_was_written_is_where_the_next_run_begins() {
    let machine = Machine::new();
    let config = TrainConfig { shuffle: false, steps: Some(5), ..config(&TestDevice::cpu()) };
    let first = train(&machine, &config, false);
    let longer = train(&Machine::new(), &TrainConfig { steps: Some(6), ..config.clone() }, false);
    // With the same rows the next loss depends on the weights alone.
    let next =
        TrainConfig { adapter: Some("out".to_owned()), out: "next".to_owned(), steps: Some(1), ..config };
    let told = train(&machine, &next, false);
    assert_eq!(told.losses()[0].1.to_bits(), longer.losses()[5].1.to_bits());
    assert_ne!(told.losses()[0].1.to_bits(), first.losses()[0].1.to_bits());
    let (before, after) = (machine.adapter("out"), machine.adapter("next"));
    assert_eq!(
        (before.config.raw, before.base),
        (after.config.raw, after.base),
        "rank and targets are the adapter's"
    );
}

#[test]
fn an_adapter_of_another_model_is_refused() {
    let machine = Machine::new();
    let config = TrainConfig { steps: Some(1), ..config(&TestDevice::cpu()) };
    train(&machine, &config, false).end();
    let other = TrainConfig {
        model: "llama-llama3/bf16.gguf".to_owned(),
        adapter: Some("out".to_owned()),
        out: "next".to_owned(),
        ..config
    };
    let failure = train(&machine, &other, false).failure();
    assert!(matches!(&failure, Failure::Input { reason } if reason.contains("base model")), "{failure:?}");
}

#[test]
fn targets_that_an_adapter_names_and_lacks_are_told() {
    let machine = Machine::new();
    let config = TrainConfig { steps: Some(1), ..config(&TestDevice::cpu()) };
    train(&machine, &config, false).end();
    let name = "adapter_config.json";
    let text = String::from_utf8(machine.file("out", name).unwrap()).unwrap();
    let changed = text.replacen("\"q_proj\"", "\"q_proj\",\n    \"w_proj\"", 1);
    assert_ne!(text, changed);
    machine.disk.borrow_mut().get_mut("out").unwrap().insert(name.to_owned(), changed.into_bytes());
    let next = TrainConfig { adapter: Some("out".to_owned()), out: "next".to_owned(), ..config };
    let told = train(&machine, &next, false);
    assert!(
        told.warnings().contains(&Warning::TargetsUnmatched { targets: vec!["w_proj".to_owned()] }),
        "{told:?}"
    );
}
