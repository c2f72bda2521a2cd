//! The screens in the order of a person's work, and their addresses.

use crate::carried;
use crate::linked;
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
    /// What was trained so far; no step of the work, and always open.
    Runs,
}

impl Screen {
    /// The steps of the work.
    pub(crate) const WAY: [Self; 7] =
        [Self::Check, Self::Model, Self::Data, Self::Settings, Self::Train, Self::Try, Self::Share];

    /// What an address means; the first screen where it means nothing.
    pub(crate) fn from_hash(hash: &str) -> Self {
        if hash.starts_with(carried::PREFIX) {
            return Self::Settings;
        }
        if let Some(adapter) = linked::offers(hash) {
            return if adapter { Self::Runs } else { Self::Model };
        }
        let name = hash.trim_start_matches('#');
        let mut all = Self::WAY.into_iter().chain([Self::Runs]);
        all.find(|screen| screen.hash() == format!("#{name}")).unwrap_or(Self::Check)
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
            Self::Runs => "#runs",
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
            Self::Runs => t.way.runs,
        }
    }

    /// Whether there is something to see; `trained` where there is an adapter.
    pub(crate) fn is_open(self, trained: bool) -> bool {
        self <= Self::Train || self == Self::Runs || trained
    }

    /// The screen `by` steps further on.
    pub(crate) fn neighbour(self, by: isize) -> Option<Self> {
        let at = Self::WAY.iter().position(|screen| *screen == self)?;
        Self::WAY.get(at.checked_add_signed(by)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_its_screen_and_any_other_to_the_first() {
        for screen in Screen::WAY.into_iter().chain([Screen::Runs]) {
            assert_eq!(Screen::from_hash(screen.hash()), screen);
        }
        for unknown in ["", "#", "#nowhere", "#Model", "#model/x", "##"] {
            assert_eq!(Screen::from_hash(unknown), Screen::Check, "{unknown}");
        }
    }

    #[test]
    fn a_link_leads_to_where_it_is_offered() {
        assert_eq!(Screen::from_hash("#settings=%7B%7D"), Screen::Settings);
        assert_eq!(Screen::from_hash("#model=tales"), Screen::Model);
        assert_eq!(Screen::from_hash("#model=tales&adapter=x.zip"), Screen::Runs);
    }

    #[test]
    fn neighbours_end_where_the_work_does() {
        assert_eq!(Screen::Check.neighbour(-1), None);
        assert_eq!(Screen::Data.neighbour(1), Some(Screen::Settings));
        assert_eq!(Screen::Train.neighbour(-1), Some(Screen::Settings));
        assert_eq!(Screen::Share.neighbour(1), None);
        assert_eq!(Screen::Runs.neighbour(-1), None);
    }
}
