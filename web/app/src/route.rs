//! Which screen is shown: the address says it behind its `#`, so that back and forward work.

use crate::text::Phrases;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;

/// A screen, in the order of a person's work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Screen {
    #[default]
    Check,
    Model,
    Try,
}

impl Screen {
    pub(crate) const ALL: [Self; 3] = [Self::Check, Self::Model, Self::Try];

    /// What the address has behind its `#`.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Model => "model",
            Self::Try => "try",
        }
    }

    pub(crate) fn name(self, t: &Phrases) -> &'static str {
        match self {
            Self::Check => t.nav_check,
            Self::Model => t.nav_model,
            Self::Try => t.nav_try,
        }
    }

    /// The address of the screen.
    pub(crate) fn link(self) -> String {
        format!("#{}", self.tag())
    }

    fn from_hash(hash: &str) -> Self {
        let tag = hash.trim_start_matches('#');
        Self::ALL.into_iter().find(|screen| screen.tag() == tag).unwrap_or_default()
    }
}

/// The screen that the address names, as long as the page lives; a context of the whole page.
#[derive(Clone, Copy)]
pub(crate) struct Route(RwSignal<Screen>);

impl Route {
    pub(crate) fn follow() -> Self {
        let here = || Screen::from_hash(&window().location().hash().unwrap_or_default());
        let screen = RwSignal::new(here());
        let changed = Closure::<dyn Fn()>::new(move || screen.set(here()));
        let changed = changed.into_js_value();
        let _ = window().add_event_listener_with_callback("hashchange", changed.unchecked_ref());
        Self(screen)
    }

    /// The page's route.
    pub(crate) fn here() -> Self {
        expect_context()
    }

    pub(crate) fn screen(self) -> Screen {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_screen_has_an_address_and_any_other_leads_to_the_first() {
        for screen in Screen::ALL {
            assert_eq!(Screen::from_hash(&screen.link()), screen);
        }
        assert_eq!([Screen::from_hash(""), Screen::from_hash("#nowhere")], [Screen::Check; 2]);
    }
}
