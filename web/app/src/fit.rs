//! Whether a model is of a size for this machine. Pure.

use crate::text::Phrases;
use smolder_protocol::Check;

const GIB: u64 = 1 << 30;
/// What a tab's program can hold on the CPU: 4 GiB less what is not the model's.
const PROGRAM_BYTES: u64 = 3 * GIB + GIB / 2;

/// A guess, from below: nobody tells a page how much memory a GPU has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    Yes,
    /// It takes more than half of what there is.
    Tight,
    No,
}

impl Fit {
    /// For a model's file of `bytes`, which is stored and then held by the device together with what training adds to
    /// it; `memory` is the machine's, in bytes, where the browser tells.
    pub(crate) fn of(bytes: u64, check: &Check, memory: Option<u64>) -> Self {
        let needed = bytes + bytes / 4 + GIB / 2;
        let program = (!check.gpu_usable()).then_some(PROGRAM_BYTES);
        let room = memory.into_iter().chain(program).min();
        let free = check.storage.map(|storage| storage.free_bytes);
        let fits = [free.map(|free| Self::within(bytes, free)), room.map(|room| Self::within(needed, room))];
        fits.into_iter().flatten().max().unwrap_or(Self::Yes)
    }

    fn within(wanted: u64, there: u64) -> Self {
        match wanted {
            wanted if wanted > there => Self::No,
            wanted if wanted > there / 2 => Self::Tight,
            _ => Self::Yes,
        }
    }

    pub(crate) fn words(self, t: &Phrases) -> &'static str {
        match self {
            Self::Yes => t.model.fits,
            Self::Tight => t.model.tight,
            Self::No => t.model.too_large,
        }
    }

    /// The same in a word or two.
    pub(crate) fn short(self, t: &Phrases) -> &'static str {
        match self {
            Self::Yes => t.model.fits_short,
            Self::Tight => t.model.tight_short,
            Self::No => t.model.too_large_short,
        }
    }

    /// The name that the style sheet knows it by.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Yes => "tag good",
            Self::Tight => "tag slow",
            Self::No => "tag bad",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use smolder_protocol::{Problem, Storage};

    #[test]
    fn the_scarcest_thing_decides() {
        let check = sample::check();
        let fit = |bytes, memory| Fit::of(bytes, &check, memory);
        assert_eq!(fit(GIB, None), Fit::Yes, "12 GiB of storage, and nothing is known of memory");
        assert_eq!(fit(7 * GIB, None), Fit::Tight);
        assert_eq!(fit(13 * GIB, None), Fit::No);
        assert_eq!(fit(GIB / 10, Some(4 * GIB)), Fit::Yes);
        assert_eq!(fit(2 * GIB, Some(4 * GIB)), Fit::Tight);
        assert_eq!(fit(3 * GIB, Some(4 * GIB)), Fit::No);
    }

    #[test]
    fn a_program_on_the_cpu_has_its_own_limit() {
        let check = Check { problems: vec![Problem::NoAdapter], ..sample::check() };
        assert_eq!(Fit::of(GIB / 10, &check, Some(64 * GIB)), Fit::Yes);
        assert_eq!(Fit::of(2 * GIB, &check, Some(64 * GIB)), Fit::Tight);
        assert_eq!(Fit::of(3 * GIB, &check, None), Fit::No);
        let storage = Some(Storage { free_bytes: 0, used_bytes: 0 });
        assert_eq!(Fit::of(1, &Check { storage, ..check }, None), Fit::No);
    }
}
