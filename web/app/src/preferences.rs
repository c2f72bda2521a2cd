//! The reader's choices, kept in this browser: language and theme.
//!
//! The start-up script `web/boot.js` reads the same two keys, so that its own words and the first paint agree.

use crate::text::{Language, Phrases};
use gloo_storage::{LocalStorage, Storage};
use leptos::prelude::*;

const LANGUAGE: &str = "smolder.language";
const THEME: &str = "smolder.theme";

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system says.
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub(crate) const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// What `<html data-theme>` and the saved choice hold.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) fn name(self, t: &Phrases) -> &'static str {
        match self {
            Self::Auto => t.theme_auto,
            Self::Light => t.theme_light,
            Self::Dark => t.theme_dark,
        }
    }

    fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.tag() == tag)
    }
}

/// The choices as signals; a context of the whole page.
#[derive(Clone, Copy)]
pub(crate) struct Preferences {
    language: RwSignal<Language>,
    theme: RwSignal<Theme>,
}

impl Preferences {
    pub(crate) fn load() -> Self {
        let wanted = browser_languages();
        let language = Language::choose(saved(LANGUAGE).as_deref(), wanted.iter().map(String::as_str));
        let theme = saved(THEME).and_then(|tag| Theme::from_tag(&tag)).unwrap_or(Theme::Auto);
        Self { language: RwSignal::new(language), theme: RwSignal::new(theme) }
    }

    /// The page's preferences.
    pub(crate) fn here() -> Self {
        expect_context()
    }

    pub(crate) fn language(self) -> Language {
        self.language.get()
    }

    pub(crate) fn phrases(self) -> &'static Phrases {
        self.language.get().phrases()
    }

    pub(crate) fn theme(self) -> Theme {
        self.theme.get()
    }

    pub(crate) fn choose_language(self, language: Language) {
        save(LANGUAGE, language.tag());
        self.language.set(language);
    }

    pub(crate) fn choose_theme(self, theme: Theme) {
        save(THEME, theme.tag());
        self.theme.set(theme);
    }

    /// Keeps `<html>` in step with the choices.
    pub(crate) fn apply(self) {
        Effect::new(move || set_root_attribute("lang", self.language.get().tag()));
        Effect::new(move || set_root_attribute("data-theme", self.theme.get().tag()));
    }
}

fn set_root_attribute(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute(name, value);
    }
}

fn browser_languages() -> Vec<String> {
    window().navigator().languages().iter().filter_map(|tag| tag.as_string()).collect()
}

pub(crate) fn saved(key: &str) -> Option<String> {
    if storage_allowed() { LocalStorage::get(key).ok() } else { None }
}

/// Without storage the choice holds until the page closes.
pub(crate) fn save(key: &str, value: &str) {
    if storage_allowed() {
        let _ = LocalStorage::set(key, value);
    }
}

/// A browser that blocks cookies throws on `localStorage`, and gloo would panic on that.
fn storage_allowed() -> bool {
    matches!(window().local_storage(), Ok(Some(_)))
}
