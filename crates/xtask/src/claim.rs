//! The target folder that clones share, taken over by one after another.
//!
//! Cargo knows a workspace's own crates by their paths inside it, and what changed by the files' times: in the place of
//! another clone it would take that one's crates for ours.

use crate::console::say;
use anyhow::{Context, Result};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

/// How deep cargo's folders lie: `fuzz/TRIPLE/PROFILE/.fingerprint`.
const DEPTH: usize = 4;

/// Forgets the crates that another clone than `root` compiled into `target`; what they depend on stays. While the
/// returned file is open no other clone takes the folder over: it waits.
pub fn claim(target: &Path, root: &Path) -> Result<File> {
    let taken = take(target, &root.to_string_lossy());
    taken.with_context(|| format!("{} cannot be written.", target.display()))
}

fn take(target: &Path, ours: &str) -> io::Result<File> {
    fs::create_dir_all(target)?;
    let lock = File::options().create(true).truncate(false).write(true).open(target.join("clone.lock"))?;
    let mark = target.join("clone.txt");
    loop {
        lock.lock_shared()?;
        if fs::read_to_string(&mark).is_ok_and(|clone| clone == ours) {
            return Ok(lock);
        }
        lock.unlock()?;
        alone(&lock, target)?;
        forget(target, DEPTH);
        fs::write(&mark, ours)?;
        lock.unlock()?;
    }
}

/// Waits until nobody else works in the folder.
fn alone(lock: &File, target: &Path) -> io::Result<()> {
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let other = fs::read_to_string(target.join("clone.txt")).unwrap_or_default();
            let folder = target.display();
            say(format!("==> Waiting for the clone in {other}, which builds into {folder}"));
            say("    To go on at once, end what runs there, or set CARGO_TARGET_DIR to another folder.");
            lock.lock()
        }
        Err(TryLockError::Error(error)) => Err(error),
        Ok(()) => Ok(()),
    }
}

/// Removes cargo's notes on our own crates, without which it compiles them anew.
fn forget(folder: &Path, depth: usize) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| depth > 0 && entry.path().is_dir()) {
        if entry.file_name() != ".fingerprint" {
            forget(&entry.path(), depth - 1);
            continue;
        }
        let notes = fs::read_dir(entry.path()).into_iter().flatten().flatten();
        let ours = notes.filter(|note| note.file_name().to_string_lossy().starts_with("smolder"));
        ours.for_each(|note| drop(fs::remove_dir_all(note.path())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    #[test]
    fn another_clones_crates_are_forgotten_and_dependencies_are_not() {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/claim");
        let _ = fs::remove_dir_all(&target);
        let notes = |folder: &str, name: &str| target.join(folder).join(".fingerprint").join(name);
        let ours = [
            notes("debug", "smolder-formats-1"),
            notes("wasm32/web", "smolder-app-2"),
            notes("fuzz/x86/release", "smolder-fuzz-3"),
        ];
        let theirs = notes("debug", "burn-1");
        let there = || ours.each_ref().map(|folder| folder.is_dir());
        let make = || ours.iter().chain([&theirs]).for_each(|folder| fs::create_dir_all(folder).unwrap());
        for (clone, kept) in [("a", false), ("a", true), ("b", false), ("a", false)] {
            make();
            claim(&target, Path::new(clone)).unwrap();
            assert_eq!(there(), [kept; 3], "{clone}");
            assert!(theirs.is_dir());
        }
    }

    /// A program that another test starts holds our files too until it runs: between `fork` and `exec`.
    fn free_within(lock: &File, limit: Duration) -> Result<(), TryLockError> {
        let start = Instant::now();
        loop {
            match lock.try_lock() {
                Err(TryLockError::WouldBlock) if start.elapsed() < limit => sleep(Duration::from_millis(5)),
                other => return other,
            }
        }
    }

    #[test]
    fn a_clone_at_work_keeps_others_out_and_not_itself() {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/claim-held");
        let _ = fs::remove_dir_all(&target);
        let held = [claim(&target, Path::new("a")).unwrap(), claim(&target, Path::new("a")).unwrap()];
        let other = File::open(target.join("clone.lock")).unwrap();
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        drop(held);
        free_within(&other, Duration::from_secs(10)).unwrap();
        drop(other);
        drop(claim(&target, Path::new("b")).unwrap());
        assert_eq!(fs::read_to_string(target.join("clone.txt")).unwrap(), "b");
    }
}
