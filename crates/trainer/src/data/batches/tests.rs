use super::*;
use smolder_formats::dataset::Row;

/// Row i has `2 + i % 5` tokens, all of them i, and learns all but the first.
fn data(rows: u32) -> Data {
    let row = |i: u32| {
        let len = 2 + i as usize % 5;
        Row { ids: vec![i; len], mask: vec![1; len] }
    };
    Data::new((0..rows).map(row).collect(), None).unwrap()
}

const IN_ORDER: Batching = Batching { size: BatchSize::Rows(2), grad_accum: 1, seed: 7, shuffle: false };
const SHUFFLED: Batching = Batching { shuffle: true, ..IN_ORDER };

fn batches(rows: u32, batching: Batching) -> Batches {
    Batches::new(data(rows), batching, Cursor::default())
}

/// The rows of a micro-batch.
fn rows(micro_batch: &MicroBatch) -> Vec<u32> {
    micro_batch.sequences.iter().map(|one| one.ids[0]).collect()
}

fn all_rows(step: &StepBatch) -> Vec<Vec<u32>> {
    step.micro_batches.iter().map(rows).collect()
}

/// Sequences of the largest micro-batch.
fn largest(step: &StepBatch) -> usize {
    step.micro_batches.iter().map(|one| one.sequences.len()).max().unwrap()
}

/// The rows of each step of the first epoch.
fn epoch(batching: Batching, count: u32) -> Vec<Vec<Vec<u32>>> {
    batches(count, batching).epoch().map(|step| all_rows(&step)).collect()
}

#[test]
fn without_shuffling_the_rows_come_as_they_are() {
    assert_eq!(epoch(IN_ORDER, 5), [[[0, 1].to_vec()], [[2, 3].to_vec()], [[4].to_vec()]]);
}

#[test]
fn a_step_gathers_micro_batches_and_the_last_of_an_epoch_may_have_fewer() {
    let steps = epoch(Batching { grad_accum: 3, ..IN_ORDER }, 9);
    assert_eq!(steps[0], [[0, 1], [2, 3], [4, 5]]);
    assert_eq!(steps[1], [vec![6, 7], vec![8]]);
    assert_eq!(steps.len(), 2);
}

#[test]
fn labels_and_tokens_are_those_of_the_whole_step() {
    let step = batches(9, Batching { grad_accum: 2, ..IN_ORDER }).next().unwrap();
    assert_eq!((step.tokens(), step.labels()), (2 + 3 + 4 + 5, 1 + 2 + 3 + 4));
    assert_eq!(largest(&step), 2);
}

#[test]
fn every_epoch_has_every_row_once_and_an_order_of_its_own() {
    let epochs: Vec<Vec<u32>> = (0..4).map(|epoch| order(100, &SHUFFLED, epoch)).collect();
    for (index, order) in epochs.iter().enumerate() {
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert!(epochs[..index].iter().all(|other| other != order));
    }
    assert_eq!(epochs[2], order(100, &SHUFFLED, 2), "the same seed gives the same order");
    assert_ne!(epochs[2], order(100, &Batching { seed: 8, ..SHUFFLED }, 2));
}

#[test]
fn evaluating_twice_sees_all_rows_twice() {
    let mut batches = batches(5, IN_ORDER);
    let first: Vec<StepBatch> = batches.epoch().collect();
    assert_eq!(batches.cursor(), Cursor { epoch: 1, row: 0 });
    assert!(first.len() == 3 && batches.epoch().eq(first));
}

#[test]
fn every_place_is_equally_likely() {
    let mut counts = [[0_u32; 6]; 6];
    for epoch in 0..6000 {
        for (place, row) in order(6, &SHUFFLED, epoch).into_iter().enumerate() {
            counts[place][row as usize] += 1;
        }
    }
    // 1000 expected, with a standard deviation of 29.
    assert!(counts.iter().flatten().all(|count| (850..1150).contains(count)), "{counts:?}");
}

#[test]
fn a_token_budget_takes_whole_rows_and_a_longer_one_alone() {
    let steps = epoch(Batching { size: BatchSize::Tokens(9), ..IN_ORDER }, 7);
    assert_eq!(steps, [[[0, 1, 2].to_vec()], [[3].to_vec()], [[4, 5].to_vec()], [[6].to_vec()]]);
    let tight = epoch(Batching { size: BatchSize::Tokens(1), ..IN_ORDER }, 3);
    assert_eq!(tight, [[[0].to_vec()], [[1].to_vec()], [[2].to_vec()]]);
}

#[test]
fn a_packed_row_stays_whole() {
    let rows = (0..20).map(|i| Row { ids: vec![i; 3], mask: vec![1; 3] }).collect();
    let packed = Data::new(rows, Some(10)).unwrap();
    assert_eq!(packed.rows(), 7);
    let mut batches = Batches::new(packed, SHUFFLED, Cursor::default());
    let step = batches.next().unwrap();
    assert!(step.tokens() > 10 && step.tokens() <= 20 && largest(&step) > 2, "{}", step.tokens());
}

#[test]
fn a_cursor_continues_with_the_same_steps() {
    let settings = [
        IN_ORDER,
        SHUFFLED,
        Batching { grad_accum: 3, ..SHUFFLED },
        Batching { size: BatchSize::Tokens(11), ..SHUFFLED },
    ];
    for batching in settings {
        let mut uninterrupted = batches(13, batching);
        for _ in 0..25 {
            let text = serde_json::to_string(&uninterrupted.cursor()).unwrap();
            let resumed = Batches::new(data(13), batching, serde_json::from_str(&text).unwrap());
            assert!(resumed.take(20).eq(uninterrupted.clone().take(20)), "{batching:?} {text}");
            uninterrupted.next();
        }
        assert!(uninterrupted.cursor().epoch > 2);
    }
}

#[test]
fn a_cursor_behind_the_end_starts_the_next_epoch() {
    let mut batches = Batches::new(data(4), IN_ORDER, Cursor { epoch: 1, row: 9 });
    assert_eq!(all_rows(&batches.next().unwrap()), [[0, 1]]);
    assert_eq!(batches.cursor(), Cursor { epoch: 2, row: 2 });
}

#[test]
fn a_batch_larger_than_the_data_takes_all_of_it_and_says_so() {
    let larger = Batching { size: BatchSize::Rows(4), grad_accum: 2, ..IN_ORDER };
    let mut five = batches(5, larger);
    assert_eq!(five.larger_than_data(), Some(Warning::BatchLargerThanData { wanted: 8, rows: 5 }));
    assert_eq!(all_rows(&five.next().unwrap()), [vec![0, 1, 2, 3], vec![4]]);
    assert_eq!(batches(8, larger).larger_than_data(), None);
}

#[test]
fn epochs_count_as_many_steps_as_there_are() {
    let settings = [
        IN_ORDER,
        Batching { grad_accum: 4, ..SHUFFLED },
        Batching { size: BatchSize::Tokens(9), ..IN_ORDER },
        Batching { size: BatchSize::Tokens(9), grad_accum: 2, ..SHUFFLED },
    ];
    for batching in settings {
        let batches = batches(13, batching);
        let whole = batches.steps(Length::Epochs(3.0));
        let ends: Vec<bool> = batches.clone().take(whole as usize).map(|step| step.ends_epoch).collect();
        assert_eq!(ends.iter().filter(|end| **end).count(), 3, "{batching:?}");
        assert_eq!(ends.last(), Some(&true), "{batching:?}");
    }
}

#[test]
fn a_part_of_an_epoch_is_rounded_up_and_never_nothing() {
    let batches = batches(13, IN_ORDER);
    let steps = [0.001, 0.5, 1.0, 1.01, 2.0].map(|epochs| batches.steps(Length::Epochs(epochs)));
    assert_eq!(steps, [1, 4, 7, 8, 14]);
    assert_eq!(batches.steps(Length::Steps(3)), 3);
}

#[test]
fn parts_have_the_same_sequences_and_labels() {
    let step = batches(13, Batching { size: BatchSize::Rows(5), ..IN_ORDER }).next().unwrap();
    let [batch] = &step.micro_batches[..] else { panic!("{step:?}") };
    let parts = StepBatch { micro_batches: batch.clone().in_parts(Some(2)), ends_epoch: false };
    let expected: [&[u32]; 3] = [&[0, 1], &[2, 3], &[4]];
    assert_eq!(all_rows(&parts), expected);
    assert_eq!(parts.labels(), step.labels());
    assert_eq!(
        [batch.clone().in_parts(Some(5)), batch.clone().in_parts(None)],
        [[batch.clone()], [batch.clone()]]
    );
}
