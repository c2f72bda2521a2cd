//! What surrounds every screen: header with the two switches, the way through the screens, and footer.

use crate::BUILD;
use crate::choices::Choices;
use crate::link::State;
use crate::look::Look;
use crate::preferences::{Preferences, Theme};
use crate::route::Screen;
use crate::run::Run;
use crate::session::Session;
use crate::text::{Language, fill};
use leptos::prelude::*;
use smolder_protocol::TrainConfig;
use smolder_protocol::storage::Shelf;

#[component]
pub(crate) fn Header() -> impl IntoView {
    let preferences = Preferences::here();
    let t = move || preferences.phrases();
    view! {
        <header class="top">
            <div class="brand">
                <span class="mark" aria-hidden="true"></span>
                <p class="name" translate="no">{move || t().title}</p>
                <p class="promise">{move || t().promise}</p>
            </div>
            <div class="switches">
                <LanguageSwitch/>
                <ThemeSwitch/>
            </div>
        </header>
    }
}

#[component]
fn LanguageSwitch() -> impl IntoView {
    let preferences = Preferences::here();
    let option = move |language: Language| {
        view! {
            <label lang=language.tag()>
                <input
                    type="radio"
                    name="language"
                    value=language.tag()
                    prop:checked=move || preferences.language() == language
                    on:change=move |_| preferences.choose_language(language)
                />
                <span>{language.name()}</span>
            </label>
        }
    };
    view! {
        <fieldset class="switch" id="language">
            <legend class="unseen">{move || preferences.phrases().language}</legend>
            {Language::ALL.map(option)}
        </fieldset>
    }
}

#[component]
fn ThemeSwitch() -> impl IntoView {
    let preferences = Preferences::here();
    let option = move |theme: Theme| {
        view! {
            <label>
                <input
                    type="radio"
                    name="theme"
                    value=theme.tag()
                    prop:checked=move || preferences.theme() == theme
                    on:change=move |_| preferences.choose_theme(theme)
                />
                <span>{move || theme.name(preferences.phrases())}</span>
            </label>
        }
    };
    view! {
        <fieldset class="switch" id="theme">
            <legend class="unseen">{move || preferences.phrases().theme}</legend>
            {Theme::ALL.map(option)}
        </fieldset>
    }
}

/// The screens in their order: where one is, what is done, what is still closed.
#[component]
pub(crate) fn Way(
    /// Where one is.
    screen: Memo<Screen>,
) -> impl IntoView {
    let preferences = Preferences::here();
    let (session, choices) = (Session::here(), Choices::here());
    let t = move || preferences.phrases();
    let step = move |to: Screen| {
        let open = Memo::new(move |_| is_open(to, session, choices));
        let done = Memo::new(move |_| is_done(to, session, choices));
        let name = move || to.name(t());
        let link = move || {
            if !open.get() {
                return view! { <span class="closed">{name}<span class="unseen">{move || format!(", {}", t().way.later)}</span></span> }.into_any();
            }
            view! {
                <a href=to.hash() aria-current=move || (screen.get() == to).then_some("step")>
                    {name}
                    <Show when=move || done.get()>
                        <span class="tick" aria-hidden="true"></span>
                        <span class="unseen">{move || format!(", {}", t().way.done)}</span>
                    </Show>
                </a>
            }
            .into_any()
        };
        view! { <li>{link}</li> }
    };
    view! {
        <nav class="way" aria-label=move || t().way.title>
            <ol>{Screen::WAY.map(step)}</ol>
            <a class="beside" href=Screen::Runs.hash() aria-current=move || (screen.get() == Screen::Runs).then_some("page")>
                {move || Screen::Runs.name(t())}
            </a>
        </nav>
    }
}

/// Whether a screen has something to show.
fn is_open(screen: Screen, session: Session, choices: Choices) -> bool {
    let trained = choices.trained.with(Option::is_some);
    let brought = || session.library.with(|library| library.shelf(Shelf::Adapters).next().is_some());
    screen.is_open(trained) || (screen == Screen::Try && brought())
}

/// Whether a screen's work is done.
fn is_done(screen: Screen, session: Session, choices: Choices) -> bool {
    let has = |shelf, name: fn(&TrainConfig) -> &str| {
        choices.config.with(|config| session.library.with(|library| library.has(shelf, name(config))))
    };
    match screen {
        Screen::Check => session.state.with(|state| matches!(state, State::Checked(_))),
        Screen::Model => has(Shelf::Models, |config| &config.model),
        Screen::Data => {
            let unreadable = session.looking.with(|looking| matches!(looking.look, Look::Failed(_)));
            has(Shelf::Data, |config| &config.data) && !unreadable
        }
        Screen::Settings => choices.config.with(|config| config.problems().is_empty()),
        Screen::Train => session.run.with(Run::has_adapter),
        Screen::Try | Screen::Share | Screen::Runs => false,
    }
}

#[component]
pub(crate) fn Footer() -> impl IntoView {
    let preferences = Preferences::here();
    let t = move || preferences.phrases();
    view! {
        <footer class="bottom">
            <p>{move || t().privacy}</p>
            <p class="build">{move || fill(t().build, &[("build", BUILD)])}</p>
        </footer>
    }
}
