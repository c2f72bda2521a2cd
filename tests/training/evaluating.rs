//! Evaluation, early stopping, and which adapter is written.

use crate::harness::{Machine, config, train, train_until};
use crate::runs::runs;
use smolder_formats::dataset::Row;
use smolder_protocol::TrainConfig;
use smolder_protocol::train::{BatchSize, EndCause, Evaluation, TrainCommand, TrainEvent};
use smolder_tests::{TestDevice, on_every_device, open_gpu, values};
use smolder_trainer::compute::{Compute, DeviceError};
use smolder_trainer::data::{Data, Sequence};
use smolder_trainer::evaluation::mean_loss;
use smolder_trainer::room::Room;
use smolder_trainer::step;
use std::ops::ControlFlow;

on_every_device!(the_mean_is_over_tokens_whatever_the_batches);

async fn the_mean_is_over_tokens_whatever_the_batches(device: &TestDevice) {
    let run = runs().into_iter().find(|run| run.name == "llama-lora/start-rows").unwrap();
    let model = run.model(&device.device).await;
    let adapter = run.start(&model);
    let sequences: Vec<_> = run.batches()[..5].concat();
    let labels: usize = sequences.iter().map(Sequence::labels).sum();
    let expected = values(step::loss(&model, adapter.as_ref(), &sequences)).await[0] / labels as f32;
    let rows = sequences
        .iter()
        .map(|one| Row { ids: one.ids.clone(), mask: one.mask.iter().map(|mask| u8::from(*mask)).collect() });
    let data = Data::new(rows.collect(), None).unwrap();
    let compute = device.compute();
    for rows in [1, 3, 10] {
        let mut room = Room::default();
        let work = (&data, BatchSize::Rows(rows));
        let mut watched = Vec::new();
        let mut watch = |done, total| {
            watched.push((done, total));
            ControlFlow::Continue(())
        };
        let found = mean_loss(&model, &compute, adapter.as_ref(), work, &mut room, &mut watch).await;
        let found = found.unwrap().expect("nobody broke it off");
        assert_eq!(watched.len(), sequences.len().div_ceil(rows as usize));
        assert!(watched.is_sorted() && watched[0].0 == 0, "{watched:?}");
        assert!(watched.iter().all(|(done, total)| done < total && *total == labels as u64), "{watched:?}");
        assert_eq!(found.tokens, labels as u64);
        assert!((found.loss - expected).abs() <= 1e-5 * expected, "{rows} rows: {} {expected}", found.loss);
    }
}

fn evaluations(told: &crate::harness::Told) -> Vec<Evaluation> {
    let evaluation = |event: &TrainEvent| match event {
        TrainEvent::Evaluated(evaluation) => Some(*evaluation),
        _ => None,
    };
    told.0.iter().filter_map(evaluation).collect()
}

/// Trained on two rows with a high rate, the others only get worse.
fn overfitting() -> (Machine, TrainConfig) {
    let mut machine = Machine::new();
    let rows = machine.data["rows.jsonl"].clone();
    let (train, eval): (Vec<_>, Vec<_>) = rows.lines().enumerate().partition(|(at, _)| *at < 2);
    let text = |rows: Vec<(usize, &str)>| rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>().join("\n");
    machine.data = [("rows.jsonl".to_owned(), text(train)), ("eval.jsonl".to_owned(), text(eval))].into();
    let config = TrainConfig {
        eval_data: Some("eval.jsonl".to_owned()),
        eval_every: Some(1),
        patience: Some(3),
        steps: Some(60),
        lr: Some(0.2),
        ..config(&TestDevice::cpu())
    };
    (machine, config)
}

#[test]
fn training_stops_where_it_no_longer_helps_and_the_best_is_written() {
    let (machine, config) = overfitting();
    let told = train(&machine, &config, false);
    let (end, found) = (told.end(), evaluations(&told));
    let best = end.best.expect("an evaluation");
    assert_eq!((end.cause, end.step), (EndCause::EarlyStopping, best.step + 3));
    let lowest = found.iter().map(|one| one.loss).fold(f32::INFINITY, f32::min);
    assert!((best.loss - lowest).abs() < f32::EPSILON && best.loss < found.last().unwrap().loss);
    assert_eq!(
        loss_with("out", &machine, &config),
        best.loss.to_bits(),
        "the best adapter is the one that is written"
    );
    let again = train(&machine, &config, true);
    assert_eq!(
        (again.end().cause, again.end().step),
        (end.cause, end.step),
        "nor does it go on by being resumed"
    );
    let (machine, config) = overfitting();
    let last = TrainConfig { keep_best: false, ..config };
    let told = train(&machine, &last, false);
    let end = evaluations(&told).last().unwrap().loss.to_bits();
    assert_eq!(loss_with("out", &machine, &last), end, "or the last, where that was wanted");
}

#[test]
fn an_evaluation_that_was_ended_is_made_up_for() {
    let (machine, config) = overfitting();
    let whole = train(&machine, &config, false);
    // Eight rows in four batches: before the first step, and after it.
    for (ended_at, done) in [(1, 0), (5, 1)] {
        let (machine, config) = overfitting();
        let mut batches = 0;
        let stopped = train_until(&machine, &config, false, |event| {
            let looks = matches!(event, TrainEvent::Evaluating { .. });
            batches += usize::from(looks);
            (looks && batches == ended_at).then_some(TrainCommand::Stop)
        });
        assert_eq!((stopped.end().cause, stopped.end().step), (EndCause::Stopped, done as u64));
        assert_eq!(evaluations(&stopped).len(), done);
        let resumed = train(&machine, &config, true);
        assert_eq!([evaluations(&stopped), evaluations(&resumed)].concat(), evaluations(&whole));
        assert_eq!([stopped.losses(), resumed.losses()].concat(), whole.losses());
        assert_eq!(resumed.end().best, whole.end().best);
    }
}

/// The bits of the evaluation loss before the first step of a run that continues an adapter.
fn loss_with(adapter: &str, machine: &Machine, config: &TrainConfig) -> u32 {
    let next = TrainConfig {
        adapter: Some(adapter.to_owned()),
        out: "next".to_owned(),
        steps: Some(1),
        ..config.clone()
    };
    evaluations(&train(machine, &next, false))[0].loss.to_bits()
}

/// WebGPU's default limits bind at most 128 MiB: the feed-forward block's activations of so many tokens need more.
#[test]
fn gpu_a_model_outlives_what_no_buffer_can_hold() {
    pollster::block_on(async {
        let gpu = open_gpu().await;
        let run = runs().into_iter().next().unwrap();
        let model = run.model(&gpu.device).await;
        let compute = Compute::gpu(gpu);
        let adapter = run.start(&model);
        let few = run.batches()[0].clone();
        let long = Sequence { ids: vec![5; 128], mask: vec![true; 128] };
        let before = compute.read(step::loss(&model, adapter.as_ref(), &few)).await.unwrap();
        let failed = compute.read(step::loss(&model, adapter.as_ref(), &vec![long; 5600])).await;
        assert_eq!(failed, Err(DeviceError::OutOfMemory));
        let after = compute.read(step::loss(&model, adapter.as_ref(), &few)).await;
        assert_eq!(after, Ok(before), "weights and adapter are as they were");
    });
}
