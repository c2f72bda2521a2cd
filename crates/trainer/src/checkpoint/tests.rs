use super::*;
use smolder_protocol::train::{Best, Warning};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A checkpoint whose numbers depend on the step.
pub(super) fn checkpoint(step: u64, loss: f32) -> Checkpoint {
    let values = |scale: f32| (0..6).map(|i| scale * (i as f32 - 2.0) / 7.0 + step as f32).collect();
    let tensor =
        |name: &str, scale| NamedTensor { name: name.into(), shape: vec![2, 3], values: values(scale) };
    let mut config = TrainConfig { lr: Some(3e-4), steps: Some(100), ..TrainConfig::default() };
    config.options.insert("rank".into(), 8.into());
    let state = State {
        step,
        updates: step,
        cursor: Cursor { epoch: 1, row: 5 },
        dropout: RandomState { seed: 3, stream: step, position: u64::MAX },
        loss: Some(loss),
        data_sha256: "d".into(),
        config,
        ..State::default()
    };
    let base =
        BaseIdentity { name: "base".into(), file: "f".into(), table: "t".into(), ..BaseIdentity::default() };
    let zero = NamedTensor { name: "b".into(), shape: vec![2], values: vec![-0.0, f32::MIN_POSITIVE / 2.0] };
    let optimizer = vec![tensor("m.a", 0.1), tensor("v.a", 0.01)];
    Checkpoint { state, base, adapter: vec![tensor("a", 1.0), zero], optimizer }
}

/// The same, where the evaluation after step `best` was the best.
fn with_best(step: u64, best: Option<u64>) -> Checkpoint {
    let mut checkpoint = checkpoint(step, 1.0);
    checkpoint.state.evaluations.best = best.map(|step| Best { step, loss: 0.5 });
    checkpoint
}

type Files = Rc<RefCell<BTreeMap<String, Vec<u8>>>>;

/// How a store dies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Death {
    /// The operation has no effect.
    Clean,
    /// A file that is being written keeps its first half, as no store should leave it.
    Torn,
}

/// Files that outlive a store which dies at an operation.
#[derive(Clone)]
struct Mortal {
    files: Files,
    operations_left: Rc<Cell<usize>>,
    death: Death,
}

impl Mortal {
    fn new(files: &Files, operations: usize, death: Death) -> Self {
        Self { files: files.clone(), operations_left: Rc::new(Cell::new(operations)), death }
    }

    fn immortal(files: &Files) -> Self {
        Self::new(files, usize::MAX, Death::Clean)
    }

    /// Spends an operation, unless none is left.
    fn live(&self, file: &str) -> Result<(), StoreError> {
        let left = self.operations_left.get().checked_sub(1);
        self.operations_left.set(left.unwrap_or_default());
        let dead = || StoreError::Refused { file: file.into(), action: "live", reason: "killed".into() };
        left.map(|_| ()).ok_or_else(dead)
    }
}

impl Store for Mortal {
    async fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let alive = self.live(name);
        match (&alive, self.death) {
            (Ok(()), _) => drop(self.files.borrow_mut().insert(name.into(), bytes.into())),
            (Err(_), Death::Torn) => {
                drop(self.files.borrow_mut().insert(name.into(), bytes[..bytes.len() / 2].into()));
            }
            (Err(_), Death::Clean) => {}
        }
        alive
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        self.live(name)?;
        Ok(self.files.borrow()[name].clone())
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        self.live("")?;
        Ok(self.files.borrow().keys().cloned().collect())
    }

    async fn remove(&mut self, name: &str) -> Result<(), StoreError> {
        self.live(name)?;
        self.files.borrow_mut().remove(name);
        Ok(())
    }
}

fn save(checkpoints: &mut Checkpoints<Mortal>, step: u64, best: Option<u64>) -> Result<(), SaveError> {
    pollster::block_on(checkpoints.save(with_best(step, best)))
}

fn step(found: &Found) -> Option<u64> {
    found.checkpoint.as_ref().map(|checkpoint| checkpoint.state.step)
}

fn newest(files: &Files) -> Found {
    pollster::block_on(Checkpoints::new(Mortal::immortal(files), 2, true).newest()).unwrap()
}

fn best(files: &Files) -> Found {
    pollster::block_on(Checkpoints::new(Mortal::immortal(files), 2, true).best()).unwrap()
}

/// The steps of the files that are there.
fn steps(files: &Files) -> Vec<u64> {
    files.borrow().keys().map(|file| name::Name::parse(file).unwrap().step).collect()
}

/// Files after saving these steps.
fn saved(keep: u32, saves: &[(u64, Option<u64>)]) -> Files {
    let files = Files::default();
    let mut checkpoints = Checkpoints::new(Mortal::immortal(&files), keep, true);
    for (step, best) in saves {
        save(&mut checkpoints, *step, *best).unwrap();
    }
    files
}

#[test]
fn nothing_is_found_where_nothing_is() {
    let files = Files::default();
    assert_eq!(newest(&files), Found::default());
    assert!(pollster::block_on(Checkpoints::new(Mortal::immortal(&files), 2, true).is_empty()).unwrap());
}

#[test]
fn the_newest_and_the_best_are_kept() {
    let saves = [(10, Some(10)), (20, Some(20)), (30, Some(20)), (40, Some(20)), (50, Some(20))];
    assert_eq!(steps(&saved(2, &saves)), [20, 40, 50]);
    assert_eq!(steps(&saved(1, &saves)), [20, 50]);
    assert_eq!(steps(&saved(9, &saves)), [10, 20, 30, 40, 50]);
    assert_eq!(steps(&saved(2, &saves[2..])), [40, 50], "step 20 was never written");
    let files = saved(2, &saves);
    assert_eq!((step(&newest(&files)), step(&best(&files))), (Some(50), Some(20)));
}

#[test]
fn the_newest_is_the_last_that_was_written_not_the_furthest() {
    let files = saved(2, &[(30, None), (40, None), (35, None)]);
    assert_eq!(steps(&files), [40, 35]);
    assert_eq!(step(&newest(&files)), Some(35));
}

#[test]
fn nothing_but_the_newest_is_kept_where_the_best_is_not_wanted() {
    let files = Files::default();
    let mut checkpoints = Checkpoints::new(Mortal::immortal(&files), 1, false);
    for step in [10, 20, 30] {
        save(&mut checkpoints, step, Some(10)).unwrap();
    }
    assert_eq!((steps(&files), best(&files)), (vec![30], Found::default()));
}

#[test]
fn a_damaged_best_does_not_push_out_the_one_before() {
    let files = saved(2, &[(20, Some(20)), (30, Some(20))]);
    let mut dying = Checkpoints::new(Mortal::new(&files, 1, Death::Torn), 2, true);
    assert!(save(&mut dying, 40, Some(40)).is_err());
    assert_eq!(steps(&files), [20, 30, 40]);
    assert_eq!(step(&newest(&files)), Some(30));
    let mut checkpoints = Checkpoints::new(Mortal::immortal(&files), 2, true);
    for step in [35, 45, 50] {
        save(&mut checkpoints, step, Some(20)).unwrap();
    }
    assert_eq!((steps(&files), step(&best(&files))), (vec![20, 45, 50], Some(20)));
}

#[test]
fn what_is_not_finite_is_not_written_and_removes_nothing() {
    let files = saved(1, &[(10, None)]);
    let before = files.borrow().clone();
    let mut checkpoints = Checkpoints::new(Mortal::immortal(&files), 1, true);
    for damage in [f32::NAN, f32::INFINITY] {
        let mut broken = checkpoint(20, 1.0);
        broken.optimizer[1].values[4] = damage;
        let error = pollster::block_on(checkpoints.save(broken)).unwrap_err();
        assert_eq!(error, SaveError::NotFinite { tensor: "v.a".into() });
    }
    assert_eq!(*files.borrow(), before);
}

/// Saves until the store dies; the last step that was acknowledged.
fn run_until_death(files: &Files, keep: u32, operations: usize, death: Death) -> Option<u64> {
    let mut checkpoints = Checkpoints::new(Mortal::new(files, operations, death), keep, true);
    let mut acknowledged = None;
    for step in [10, 20, 30, 40, 50] {
        if save(&mut checkpoints, step, (step >= 20).then_some(20)).is_err() {
            break;
        }
        acknowledged = Some(step);
    }
    acknowledged
}

#[test]
fn killed_before_any_operation_the_newest_or_the_one_before_is_there() {
    for (keep, death) in [(1, Death::Clean), (1, Death::Torn), (2, Death::Clean), (2, Death::Torn)] {
        let mut last = None;
        for operations in 0..40 {
            let files = Files::default();
            let acknowledged = run_until_death(&files, keep, operations, death);
            let (newest, best) = (newest(&files), best(&files));
            assert_eq!(
                step(&newest),
                acknowledged,
                "keeping {keep}, {death:?} after {operations} operations"
            );
            assert_eq!(step(&best), acknowledged.filter(|step| *step >= 20).map(|_| 20), "{operations}");
            assert!(death == Death::Torn || newest.warnings.is_empty());
            last = acknowledged;
        }
        assert_eq!(last, Some(50), "the last runs come to their end");
    }
}

#[test]
fn a_run_goes_on_after_every_death() {
    for operations in 0..20 {
        let files = Files::default();
        let acknowledged = run_until_death(&files, 2, operations, Death::Torn);
        let mut checkpoints = Checkpoints::new(Mortal::immortal(&files), 2, true);
        let next = acknowledged.unwrap_or_default() + 5;
        save(&mut checkpoints, next, None).unwrap();
        assert_eq!(newest(&files), Found { checkpoint: Some(checkpoint(next, 1.0)), warnings: vec![] });
    }
}

/// Damages the newest of two files in every way that `damages` tells, and expects the older one with a warning.
fn falls_back(damages: impl Iterator<Item = Vec<u8>>) -> usize {
    let files = saved(2, &[(10, None), (20, None)]);
    let name = files.borrow().keys().last().unwrap().clone();
    let mut count = 0;
    for damaged in damages {
        files.borrow_mut().insert(name.clone(), damaged);
        let found = newest(&files);
        assert_eq!(step(&found), Some(10), "damage {count}");
        let [Warning::CheckpointDamaged { file, .. }] = &found.warnings[..] else { panic!("{found:?}") };
        assert_eq!(*file, name);
        count += 1;
    }
    count
}

fn newest_bytes() -> Vec<u8> {
    let files = saved(2, &[(10, None), (20, None)]);
    files.take().into_values().last().unwrap()
}

#[test]
fn every_flipped_bit_is_detected() {
    let bytes = newest_bytes();
    let flip = |bit: usize| {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        damaged
    };
    assert_eq!(falls_back((0..bytes.len() * 8).map(flip)), bytes.len() * 8);
}

#[test]
fn every_lost_and_every_added_end_is_detected() {
    let bytes = newest_bytes();
    falls_back((0..bytes.len()).map(|len| bytes[..len].to_vec()));
    falls_back(std::iter::once([&bytes[..], &[0]].concat()));
}

#[test]
fn damaged_ones_do_not_count_among_the_kept() {
    let files = saved(2, &[(10, None), (20, None)]);
    let newest = files.borrow().keys().find(|file| file.contains("step-20")).unwrap().clone();
    files.borrow_mut().insert(newest, vec![1]);
    let mut checkpoints = Checkpoints::new(Mortal::immortal(&files), 2, true);
    let found = pollster::block_on(checkpoints.newest()).unwrap();
    assert_eq!((step(&found), found.warnings.len()), (Some(10), 1));
    save(&mut checkpoints, 20, None).unwrap();
    let name = |file: &String| name::Name::parse(file).unwrap();
    let kept: Vec<_> = files.borrow().keys().map(|file| (name(file).serial, name(file).step)).collect();
    assert_eq!(kept, [(1, 10), (3, 20)]);
}

#[test]
fn where_all_are_damaged_nothing_is_made_up() {
    let files = saved(2, &[(10, None), (20, None)]);
    files.borrow_mut().values_mut().for_each(|bytes| bytes.truncate(9));
    let found = newest(&files);
    assert!(found.checkpoint.is_none() && found.warnings.len() == 2);
    assert!(!pollster::block_on(Checkpoints::new(Mortal::immortal(&files), 2, true).is_empty()).unwrap());
}

#[test]
fn what_was_saved_between_skipped_steps_replaces_nothing_and_is_not_returned_to() {
    let files = saved(1, &[(1, None), (2, None)]);
    let mut checkpoints = Checkpoints::new(Mortal::immortal(&files), 1, true);
    let mut in_doubt = checkpoint(3, 1.0);
    let _ = in_doubt.state.watch.judge(3, f32::NAN, 1.0);
    pollster::block_on(checkpoints.save(in_doubt)).unwrap();
    assert_eq!((steps(&files), step(&newest(&files))), (vec![2, 3], Some(3)), "a run goes on from it");
    let good = pollster::block_on(checkpoints.newest_good()).unwrap();
    assert_eq!(step(&good), Some(2));
    save(&mut checkpoints, 4, None).unwrap();
    assert_eq!(steps(&files), [4]);
}
