//! Runs through the session, from names to a written adapter.

use crate::harness::{Machine, config, estimate, train, train_until};
use crate::runs::runs;
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{EndCause, Failure, Plan, TrainCommand, TrainEvent, Warning};
use smolder_tests::{TestDevice, on_every_device};

on_every_device!(
    a_run_says_what_it_does_and_writes_an_adapter,
    an_estimate_is_what_the_run_says_and_writes_nothing,
    ten_losses_through_the_session_are_those_of_peft,
    a_single_row_leaves_none_to_evaluate_on,
    stopping_keeps_what_was_done,
);

async fn a_run_says_what_it_does_and_writes_an_adapter(device: &TestDevice) {
    let machine = Machine::new();
    let config = TrainConfig {
        eval_split: Some(0.2),
        eval_every: Some(3),
        checkpoint_every: 3,
        samples: vec!["Name two rivers".to_owned()],
        sample_tokens: 4,
        ..config(device)
    };
    let told = train(&machine, &config, false);
    let kind = |event: &TrainEvent| match event {
        TrainEvent::Started(_) => 'p',
        TrainEvent::Stepped(_) => '.',
        TrainEvent::Evaluated(_) => 'e',
        TrainEvent::Sampled(_) => 's',
        TrainEvent::Checkpointed { .. } => 'c',
        TrainEvent::Finished(_) => 'f',
        TrainEvent::Warned(Warning::RowsTruncated { .. }) => 't',
        other => panic!("{other:?}"),
    };
    assert_eq!(told.0.iter().map(kind).collect::<String>(), "tpsec...ec...ecsf");
    let TrainEvent::Started(plan) = &told.0[1] else { panic!("a plan") };
    assert_eq!((plan.done, plan.steps, plan.rows, plan.eval_rows), (0, 6, 8, 2));
    // Rank 2 on a query [32, 64] and a value [16, 64] in each of two layers.
    assert_eq!(plan.trained_parameters, 2 * (2 * (64 + 32) + 2 * (64 + 16)));
    assert!(
        plan.memory_bytes > 4 * plan.trained_parameters && plan.duration_secs.is_some_and(|secs| secs > 0.0)
    );
    let losses = told.losses();
    assert!(losses[5].1 < losses[0].1, "{losses:?}");
    let end = told.end();
    assert_eq!((end.cause, end.step, end.loss), (EndCause::Complete, 6, Some(losses[5].1)));
    let adapter = machine.adapter("out");
    assert_eq!(adapter.tensors.len(), 8);
    assert_eq!(adapter.base.as_ref().map(|base| base.name.as_str()), Some("q4_0.gguf"));
    let card = String::from_utf8(machine.file("out", "README.md").unwrap()).unwrap();
    for words in [
        "base_model: \"q4_0.gguf\"",
        "| file | rows.jsonl |",
        "| rank | 2 |",
        "6 of 6, complete",
        "best evaluation loss",
    ] {
        assert!(card.contains(words), "{words} is not in {card}");
    }
    let best = end.best.expect("an evaluation").step;
    assert!(card.contains(&format!("| weights | those after step {best} |")), "{card}");
}

async fn an_estimate_is_what_the_run_says_and_writes_nothing(device: &TestDevice) {
    let machine = Machine::new();
    let config = TrainConfig { eval_split: Some(0.2), ..config(device) };
    let timeless = |plan: &Plan| Plan { duration_secs: None, ..plan.clone() };
    let found = estimate(&machine, &config).unwrap();
    assert!(found.duration_secs.is_some_and(|secs| secs > 0.0));
    assert!(machine.disk.borrow().is_empty(), "a run that is only thought of leaves nothing");
    let told = train(&machine, &config, false);
    let plan = told.0.iter().find_map(|event| match event {
        TrainEvent::Started(plan) => Some(plan),
        _ => None,
    });
    assert_eq!(plan.map(timeless), Some(timeless(&found)));
    let nowhere = TrainConfig { data: "nowhere.jsonl".to_owned(), ..config };
    assert!(matches!(estimate(&machine, &nowhere), Err(Failure::Input { .. })));
}

async fn a_single_row_leaves_none_to_evaluate_on(device: &TestDevice) {
    let mut machine = Machine::new();
    for rows in machine.data.values_mut() {
        rows.truncate(rows.find('\n').unwrap() + 1);
    }
    let told = train(&machine, &TrainConfig { eval_split: Some(0.5), ..config(device) }, false);
    let warned = |event: &TrainEvent| matches!(event, TrainEvent::Warned(Warning::NothingToEvaluate));
    assert!(told.0.iter().any(warned), "{:?}", told.0);
    assert_eq!(told.end().best, None);
}

#[test]
fn an_answer_that_is_being_written_does_not_keep_a_run_from_ending() {
    let config = TrainConfig {
        samples: vec!["Name two rivers".to_owned(), "Count to three".to_owned()],
        sample_tokens: 4,
        sample_every: Some(1),
        ..config(&TestDevice::cpu())
    };
    let asked_at = |wanted: fn(&TrainEvent) -> bool| {
        let machine = Machine::new();
        let told = train_until(&machine, &config, false, |event| wanted(event).then_some(TrainCommand::Stop));
        let samples = told.0.iter().filter(|event| matches!(event, TrainEvent::Sampled(_))).count();
        assert_eq!(told.end().cause, EndCause::Stopped);
        (told.end().step, samples)
    };
    assert_eq!(asked_at(|event| matches!(event, TrainEvent::Started(_))), (0, 0));
    assert_eq!(
        asked_at(|event| matches!(event, TrainEvent::Stepped(_))),
        (1, 2),
        "those before the first step"
    );
    assert_eq!(asked_at(|event| matches!(event, TrainEvent::Sampled(_))), (0, 1));
}

async fn ten_losses_through_the_session_are_those_of_peft(device: &TestDevice) {
    let mut compared = 0;
    for run in runs().iter().filter(|run| run.text("batches") == Some("rows")) {
        let config = TrainConfig {
            model: run.text("model").unwrap().to_owned(),
            adapter: run.text("adapter").map(str::to_owned),
            lr: Some(run.number("rate")),
            clip: run.number("clip"),
            weight_decay: run.number("weight_decay"),
            steps: Some(10),
            shuffle: false,
            seq_len: 1024,
            ..config(device)
        };
        let told = train(&Machine::new(), &config, false);
        let (losses, expected) = (told.losses(), run.numbers("losses"));
        assert_eq!(losses.len(), expected.len());
        for ((step, loss), expected) in losses.into_iter().zip(expected) {
            let error = (f64::from(loss) - expected).abs();
            assert!(error <= 1e-3 * expected, "{} {step}: loss {loss}, expected {expected}", run.name);
        }
        compared += 1;
    }
    assert_eq!(compared, 2);
}

async fn stopping_keeps_what_was_done(device: &TestDevice) {
    let (machine, config) = (Machine::new(), config(device));
    let told = train_until(&machine, &config, false, |event| match event {
        TrainEvent::Stepped(report) if report.step == 2 => Some(TrainCommand::Stop),
        _ => None,
    });
    assert_eq!((told.end().cause, told.end().step, told.losses().len()), (EndCause::Stopped, 2, 2));
    assert!(told.0.contains(&TrainEvent::Checkpointed { step: 2, best: false }));
    assert_eq!(machine.adapter("out").tensors.len(), 8, "what was learned so far can be used");
    let fresh = train(&machine, &config, false);
    assert!(
        format!("{:?}", fresh.failure()).contains("resume"),
        "a new run does not overwrite it: {fresh:?}"
    );
    let rest = train(&machine, &config, true);
    assert_eq!(rest.losses().iter().map(|(step, _)| *step).collect::<Vec<_>>(), [3, 4, 5, 6]);
}
