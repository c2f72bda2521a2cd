//! Which words go with what the storage and the model refuse.

use super::problems::{Words, problem_words};
use super::{Phrases, fill};
use crate::library::Trouble;
use crate::units;
use smolder_protocol::model::Failure;
use smolder_protocol::storage::StorageFailure;

/// What `trouble` means and what to do about it.
pub(crate) fn trouble_words(trouble: &Trouble, t: &Phrases) -> Words {
    match trouble {
        Trouble::Storage(failure) => storage_words(failure, t),
        Trouble::Model(failure) => model_words(failure, t),
    }
}

fn storage_words(failure: &StorageFailure, t: &Phrases) -> Words {
    match failure {
        StorageFailure::None { reason } => Words::new(t.no_storage, t.no_storage_do).quoting(reason),
        StorageFailure::Full { missing_bytes } => {
            let words = Words::new(t.storage_full, t.storage_full_do);
            let missing = |bytes| fill(t.storage_missing, &[("bytes", &units::bytes(bytes))]);
            missing_bytes.map(missing).into_iter().fold(words, |words, missing| words.or(&missing))
        }
        StorageFailure::InUse { name } => {
            Words::new(t.storage_in_use, &fill(t.storage_in_use_do, &[("name", name)]))
        }
        StorageFailure::File { reason } => Words::new(t.file_wrong, t.file_wrong_do).quoting(reason),
        StorageFailure::Sha256 { expected, found } => {
            let values = [("expected", &**expected), ("found", &**found)];
            Words::new(t.hash_wrong, &fill(t.hash_wrong_do, &values))
        }
        StorageFailure::Answer { status } => {
            Words::new(t.answer_wrong, &fill(t.answer_wrong_do, &[("status", &status.to_string())]))
        }
        StorageFailure::Network { reason } => Words::new(t.network_broke, t.network_broke_do).quoting(reason),
        StorageFailure::Cancelled => Words::new(t.interrupted, t.interrupted_do),
        StorageFailure::Refused { reason } => {
            Words::new(t.storage_refused, t.storage_refused_do).quoting(reason)
        }
    }
}

/// What a model's `failure` means and what to do about it.
pub(crate) fn model_words(failure: &Failure, t: &Phrases) -> Words {
    match failure {
        Failure::Input { reason } => Words::new(t.input_wrong, t.input_wrong_do).quoting(reason),
        Failure::NoModel => Words::new(t.no_model_lead, t.choose_model),
        Failure::Context { tokens, room } => {
            let values = [("tokens", &*tokens.to_string()), ("room", &*room.to_string())];
            Words::new(t.too_long, &fill(t.too_long_do, &values))
        }
        Failure::OutOfMemory => Words::new(t.no_memory, t.no_memory_do),
        Failure::NotFinite { reason } => Words::new(t.not_finite, t.not_finite_do).quoting(reason),
        Failure::Device(problem) => problem_words(problem, t),
        Failure::Cancelled => Words::new(t.interrupted, t.interrupted_do),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;

    #[test]
    fn numbers_and_names_are_told() {
        let t = Language::English.phrases();
        let full = storage_words(&StorageFailure::Full { missing_bytes: Some(3 << 20) }, t);
        assert_eq!(full.advice.last().map(String::as_str), Some("3 MiB are missing."));
        let long = model_words(&Failure::Context { tokens: 900, room: 511 }, t);
        assert!(long.advice[0].contains("900 tokens") && long.advice[0].contains("room for 511"), "{long:?}");
        let used = storage_words(&StorageFailure::InUse { name: "a.gguf".to_owned() }, t);
        assert!(used.advice[0].contains("`a.gguf`"), "{used:?}");
    }
}
