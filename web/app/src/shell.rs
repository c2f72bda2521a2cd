//! What surrounds every screen: header with the two switches, and footer.

use crate::BUILD;
use crate::preferences::{Preferences, Theme};
use crate::route::{Route, Screen};
use crate::text::{Language, fill};
use leptos::prelude::*;

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
            <Screens/>
        </header>
    }
}

#[component]
fn Screens() -> impl IntoView {
    let t = move || Preferences::here().phrases();
    let route = Route::here();
    let link = move |screen: Screen| {
        view! {
            <a href=screen.link() aria-current=move || (route.screen() == screen).then_some("page")>
                {move || screen.name(t())}
            </a>
        }
    };
    view! { <nav aria-label=move || t().screens>{Screen::ALL.map(link)}</nav> }
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
