//! Continuing from adapters.

use crate::harness::{Machine, config, train};
use smolder_formats::adapter::LoraAdapter;
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{Failure, TrainEvent, Warning};
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
        let rank = match pair.module.hf().as_str() {
            path if path.ends_with(".v_proj") => 3,
            "model.layers.0.self_attn.q_proj" => 5,
            _ => 2,
        };
        assert_eq!(pair.scale.rank, rank, "{}", pair.module.hf());
        assert_eq!((pair.scale.alpha - 12.0).abs() < f64::EPSILON, pair.module.name() == "v_proj");
    }
}

#[test]
fn embedding_and_head_are_trained_where_they_are_named() {
    let plan = |targets: &str| {
        let machine = Machine::new();
        let mut config = TrainConfig { steps: Some(4), ..config(&TestDevice::cpu()) };
        config.options.insert("targets".into(), targets.into());
        let told = train(&machine, &config, false);
        told.end();
        assert!(!told.warnings().iter().any(|one| matches!(one, Warning::AdapterFrozen { .. })), "{targets}");
        let plan = told.0.iter().find_map(|event| match event {
            TrainEvent::Started(plan) => Some(plan.clone()),
            _ => None,
        });
        (machine, plan.unwrap())
    };
    let (_, projections) = plan("all-linear");
    let (machine, both) = plan("lm_head, all-linear, embed_tokens, q_proj");
    let written = LoraAdapter::from_peft(machine.adapter("out")).unwrap();
    let names = written.pairs.iter().map(|pair| pair.module.hf());
    let ends: Vec<String> = names.filter(|name| !name.contains("layers")).collect();
    assert_eq!(ends, ["model.embed_tokens", "lm_head"]);
    for pair in [&written.pairs[0], &written.pairs[written.pairs.len() - 1]] {
        assert!(pair.a.iter().chain(&pair.b).any(|value| *value != 0.0), "{}", pair.module.hf());
    }
    // Rank 2, a vocabulary of 131, a width of 64.
    let more = 2 * 2 * (131 + 64);
    assert_eq!(both.trained_parameters - projections.trained_parameters, more);
    assert!(both.memory_bytes >= projections.memory_bytes + 16 * more, "{both:?} {projections:?}");
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
