//! The page as a whole: shell around a screen.

use crate::preferences::Preferences;
use crate::route::{Route, Screen};
use crate::screens::{Check, Model, Try};
use crate::session::Session;
use crate::shell::{Footer, Header};
use leptos::prelude::*;

#[component]
pub(crate) fn App() -> impl IntoView {
    let preferences = Preferences::load();
    preferences.apply();
    provide_context(preferences);
    provide_context(Session::start());
    let route = Route::follow();
    provide_context(route);
    let t = move || preferences.phrases();
    view! {
        <a class="skip" href="#main">{move || t().skip}</a>
        <Header/>
        <main id="main" tabindex="-1">
            {move || match route.screen() {
                Screen::Check => view! { <Check/> }.into_any(),
                Screen::Model => view! { <Model/> }.into_any(),
                Screen::Try => view! { <Try/> }.into_any(),
            }}
        </main>
        <Footer/>
    }
}
