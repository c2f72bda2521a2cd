//! The screens in the order of a person's work, and their addresses.

use crate::text::Phrases;

/// A screen; its address is the part behind the `#`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Screen {
    Check,
    Model,
    Data,
    Settings,
    Train,
    Try,
    Share,
}

impl Screen {
    pub(crate) const ALL: [Self; 7] =
        [Self::Check, Self::Model, Self::Data, Self::Settings, Self::Train, Self::Try, Self::Share];

    /// What an address means; the first screen where it means nothing.
    pub(crate) fn from_hash(hash: &str) -> Self {
        let name = hash.trim_start_matches('#');
        Self::ALL.into_iter().find(|screen| screen.hash() == format!("#{name}")).unwrap_or(Self::Check)
    }

    /// The address, for a link.
    pub(crate) fn hash(self) -> &'static str {
        match self {
            Self::Check => "#check",
            Self::Model => "#model",
            Self::Data => "#data",
            Self::Settings => "#settings",
            Self::Train => "#train",
            Self::Try => "#try",
            Self::Share => "#share",
        }
    }

    /// What the way through the page calls it.
    pub(crate) fn name(self, t: &Phrases) -> &'static str {
        match self {
            Self::Check => t.way.check,
            Self::Model => t.way.model,
            Self::Data => t.way.data,
            Self::Settings => t.way.settings,
            Self::Train => t.way.train,
            Self::Try => t.way.try_it,
            Self::Share => t.way.share,
        }
    }

    /// Whether there is something to see; `trained` where there is an adapter.
    pub(crate) fn is_open(self, trained: bool) -> bool {
        self <= Self::Train || trained
    }

    /// The screen `by` steps further on.
    pub(crate) fn neighbour(self, by: isize) -> Option<Self> {
        let at = Self::ALL.iter().position(|screen| *screen == self)?;
        Self::ALL.get(at.checked_add_signed(by)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_its_screen_and_any_other_to_the_first() {
        for screen in Screen::ALL {
            assert_eq!(Screen::from_hash(screen.hash()), screen);
        }
        for unknown in ["", "#", "#nowhere", "#Model", "#model/x", "##"] {
            assert_eq!(Screen::from_hash(unknown), Screen::Check, "{unknown}");
        }
    }

    #[test]
    fn neighbours_end_where_the_work_does() {
        assert_eq!(Screen::Check.neighbour(-1), None);
        assert_eq!(Screen::Data.neighbour(1), Some(Screen::Settings));
        assert_eq!(Screen::Train.neighbour(-1), Some(Screen::Settings));
        assert_eq!(Screen::Share.neighbour(1), None);
    }
}
