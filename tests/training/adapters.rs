//! Continuing from adapters.

use crate::harness::{Machine, config, train};
use smolder_formats::adapter::LoraAdapter;
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

#[test]
fn some_modules_may_have_other_ranks_and_alphas() {
    let machine = Machine::new();
    let mut config = TrainConfig { steps: Some(1), ..config(&TestDevice::cpu()) };
    config.options.insert("ranks".into(), "v_proj=3, layers.0.self_attn.q_proj=5".into());
    config.options.insert("alphas".into(), "v_proj=12".into());
    train(&machine, &config, false).end();
    let written = LoraAdapter::from_peft(machine.adapter("out")).unwrap();
    for pair in &written.pairs {
        let rank = match (pair.place.layer, pair.place.projection.name()) {
            (_, "v_proj") => 3,
            (0, "q_proj") => 5,
            _ => 2,
        };
        assert_eq!(pair.scale.rank, rank, "{}", pair.place.hf());
        assert_eq!((pair.scale.alpha - 12.0).abs() < f64::EPSILON, pair.place.projection.name() == "v_proj");
    }
}

#[test]
fn a_rank_for_a_module_that_is_not_there_is_refused() {
    for ranks in ["w_proj=3", "v_proj", "v_proj=many", "v_proj=0"] {
        let mut config = TrainConfig { steps: Some(1), ..config(&TestDevice::cpu()) };
        config.options.insert("ranks".into(), ranks.into());
        let failure = train(&Machine::new(), &config, false).failure();
        assert!(matches!(failure, Failure::Input { .. }), "{ranks}: {failure:?}");
    }
}
