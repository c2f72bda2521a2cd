//! A checkpoint's file name, which says how new it is and what its bytes are.

use smolder_formats::Sha256Hash;
use std::fmt;

/// `checkpoint-000007-step-350-best-0123456789abcdef.safetensors`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// Counts what was written, which steps do not: after a return to an older one a step comes again.
    pub(super) serial: u64,
    /// Steps in it.
    pub(super) step: u64,
    /// Whether its evaluation was the best when it was written.
    pub(super) best: bool,
    digest: String,
}

impl Name {
    pub(super) fn new(serial: u64, step: u64, best: bool, bytes: &[u8]) -> Self {
        Self { serial, step, best, digest: digest(bytes) }
    }

    /// `None` for a file of another sort.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let inner = name.strip_prefix("checkpoint-")?.strip_suffix(".safetensors")?;
        let (serial, inner) = inner.split_once("-step-")?;
        let (step, inner) = inner.split_once('-')?;
        let (best, digest) = inner.strip_prefix("best-").map_or((false, inner), |digest| (true, digest));
        let parsed =
            Self { serial: serial.parse().ok()?, step: step.parse().ok()?, best, digest: digest.to_owned() };
        (parsed.to_string() == name).then_some(parsed)
    }

    /// Whether the file's bytes are those that were written.
    pub(super) fn fits(&self, bytes: &[u8]) -> bool {
        self.digest == digest(bytes)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { serial, step, digest, .. } = self;
        let best = if self.best { "best-" } else { "" };
        write!(f, "checkpoint-{serial:06}-step-{step}-{best}{digest}.safetensors")
    }
}

/// The first 64 bits of SHA-256: against damage, not against malice.
fn digest(bytes: &[u8]) -> String {
    Sha256Hash::of(bytes).to_string().chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_it_was_made_of() {
        for (serial, best) in [(7, true), (7, false), (12_345_678, true)] {
            let name = Name::new(serial, 350, best, b"bytes");
            assert_eq!(Name::parse(&name.to_string()), Some(name.clone()));
            assert!(name.fits(b"bytes") && !name.fits(b"bytez"));
        }
        let shown = Name::new(7, 350, true, b"").to_string();
        assert_eq!(shown, "checkpoint-000007-step-350-best-e3b0c44298fc1c14.safetensors");
    }

    #[test]
    fn other_files_are_no_checkpoints() {
        let others = [
            "",
            "adapter_model.safetensors",
            "checkpoint-1-step-2-e3b0c44298fc1c14.safetensors",
            "checkpoint-000001-step-+2-e3b0c44298fc1c14.safetensors",
            "checkpoint-000001-step-2-e3b0c44298fc1c14",
            "checkpoint-000001-step-2.safetensors",
        ];
        assert!(others.iter().all(|name| Name::parse(name).is_none()));
    }
}
